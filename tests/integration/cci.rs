//! Hyundai and Kia accounts that sign in by password: the real connector against the simulated identity provider and
//! token service of 2026.

#[cfg(unix)]
mod crash;
#[cfg(unix)]
mod ends;
mod gate;
#[cfg(unix)]
mod given;
#[cfg(unix)]
mod house;
#[cfg(unix)]
mod left;
mod lives;
mod outcomes;
mod secrecy;
mod sign_in;

use simulator::{Config as Cloud, Counters};
use testkit::{RealHome, password};
use vehicle_connector::config::Config;

/// A home that signs in by password, with what it has cost so far.
async fn home(cloud: Cloud, change: impl FnOnce(&mut Config)) -> RealHome {
    let signs_in = password::signs_in(&cloud);
    let home = RealHome::configured(cloud, |config| {
        signs_in(config);
        change(config);
    })
    .await;
    home.host.find_vehicles().await;
    home
}

/// Counts what was asked of the identity provider and the token service: passwords, codes, exchanges, refreshes.
fn asked(counters: &Counters) -> [u64; 4] {
    let Counters { sign_ins_asked, code_exchanges_asked, token_exchanges_asked, refreshes_asked, .. } =
        *counters;
    [sign_ins_asked, code_exchanges_asked, token_exchanges_asked, refreshes_asked]
}

fn set(config: &mut Config, name: &str, value: &str) {
    for account in config.accounts.values_mut() {
        account.secrets.insert(name.to_owned(), value.to_owned().into());
    }
}

fn unset(config: &mut Config, name: &str) {
    for account in config.accounts.values_mut() {
        account.secrets.remove(name);
    }
}
