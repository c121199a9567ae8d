//! Accounts that sign in with a password, in the simulated cloud of [`simulator::Config`].

use vehicle_connector::config::Config;

/// The lines of an account that signs in with a password, for [`configuration_text_with`](crate::configuration_text_with).
/// User name and password are in the environment variables `USERNAME` and `PASSWORD`, the keys of the gate in the file
/// `gate-keys` beside the configuration ([`gate_keys`]).
pub const LINES: &str = r#"username = "${USERNAME}"
        password = "${PASSWORD}"
        gate_keys_file = "gate-keys""#;

/// The content of a file with the keys of the gate, one a line.
pub fn gate_keys(cloud: &simulator::Config) -> String {
    cloud.gate_keys.iter().flat_map(|key| [key.as_str(), "\n"]).collect()
}

/// Has every account of a configuration sign in with the password of this cloud's account, and sign with the keys of its
/// gate. Its refresh token is taken away.
///
/// ```ignore
/// let cloud = simulator::Config::default();
/// let home = RealHome::configured(cloud.clone(), password::signs_in(&cloud)).await;
/// ```
pub fn signs_in(cloud: &simulator::Config) -> impl FnOnce(&mut Config) + use<> {
    let secrets = [
        ("username", cloud.username.clone()),
        ("password", cloud.password.clone()),
        ("gate-keys", cloud.gate_keys.concat()),
    ];
    move |config| {
        for account in config.accounts.values_mut() {
            account.secrets.remove("refresh-token");
            for (name, value) in &secrets {
                account.secrets.insert((*name).to_owned(), value.clone().into());
            }
        }
    }
}
