//! Accounts of other regions, in the simulated cloud of [`simulator::Config::of`].

use vehicle_connector::config::{Config, Endpoint};

/// Has every account of a configuration be in this cloud's region and of its brand, and sign in with the password of its
/// account, where accounts sign in at the account service.
pub fn signs_in(cloud: &simulator::Config) -> impl FnOnce(&mut Config) + use<> {
    let secrets = [("username", cloud.username.clone()), ("password", cloud.password.clone())];
    let (region, brand) = (cloud.region.to_string(), cloud.brand.to_string());
    move |config| {
        for account in config.accounts.values_mut() {
            account.region.clone_from(&region);
            account.brand.clone_from(&brand);
            let ccapi = account.endpoints.iter().find(|endpoint| endpoint.name == "ccapi").unwrap().clone();
            let part = Endpoint { name: "account".to_owned(), url: ccapi.url.join("api/v1/user").unwrap() };
            account.endpoints = vec![part, ccapi];
            account.secrets.remove("refresh-token");
            for (name, value) in &secrets {
                account.secrets.insert((*name).to_owned(), value.clone().into());
            }
        }
    }
}
