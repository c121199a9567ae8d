//! What a reload changes while the host runs, and what only a restart does.
//!
//! An account, or a vehicle, takes all of its new configuration or nothing of it: half of it would be a third
//! configuration that nobody has written. Anything else is taken key by key. Whatever is not known here to
//! take effect at once needs a restart; so does a key that is new tomorrow, until it is named here.

use std::collections::{BTreeMap, BTreeSet};

use crate::config::{Config, Key, Keys};

/// Keys of a vehicle that take effect at once.
const OF_VEHICLES: [&str; 12] = [
    "account",
    "vin",
    "id",
    "name",
    "allow",
    "right_hand_drive",
    "location",
    "legacy_id",
    "polling",
    "poll",
    "force",
    "max_forced_reads_per_day",
];

/// What happens to an account or a vehicle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    Add,
    Change,
    Remove,
}

/// What is served now.
pub(super) struct Served<'s> {
    /// What every key says that has taken effect, or did at the start.
    pub(super) keys: &'s Keys,
    /// Names of the connectors whose slots are there.
    pub(super) connectors: BTreeSet<String>,
    /// Accounts, and the name of the connector of each.
    pub(super) accounts: BTreeMap<String, String>,
    /// Vehicles, and the account of each.
    pub(super) vehicles: BTreeMap<String, String>,
    /// Accounts and vehicles that could not begin.
    pub(super) out: BTreeSet<String>,
}

/// What a reload does.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Plan {
    pub(super) accounts: BTreeMap<String, Step>,
    pub(super) vehicles: BTreeMap<String, Step>,
    /// Whether the level of the log is another one.
    pub(super) level: bool,
    /// Whether signatures are required of other components, or by other keys.
    pub(super) signatures: bool,
    /// Keys that take effect.
    pub(super) changed: BTreeSet<Key>,
    /// Keys that do not.
    pub(super) restart_needed: BTreeSet<Key>,
}

impl Plan {
    /// Compares what is served with a configuration.
    pub(super) fn of(served: &Served<'_>, config: &Config) -> Self {
        let differing = served.keys.differing(&config.keys);
        let mut parts: BTreeMap<(String, String), BTreeSet<Key>> = BTreeMap::new();
        let mut plan = Self::default();
        for key in differing {
            match key.parts().as_slice() {
                [kind @ ("account" | "vehicle"), name, _, ..] => {
                    parts.entry(((*kind).to_owned(), (*name).to_owned())).or_default().insert(key);
                }
                ["log", "level"] => {
                    plan.level = true;
                    plan.changed.insert(key);
                }
                ["plugins", "require_signature" | "public_keys"] => {
                    plan.signatures = true;
                    plan.changed.insert(key);
                }
                _ => drop(plan.restart_needed.insert(key)),
            }
        }
        let (accounts, vehicles): (Vec<_>, Vec<_>) =
            parts.into_iter().partition(|((kind, _), _)| kind == "account");
        let comparing = Comparing { served, config };
        // Removals come last: a vehicle that stays needs its account.
        for ((_, name), keys) in &accounts {
            match comparing.account(name, &plan.restart_needed) {
                Some(Step::Remove) => {}
                step => plan.account(name, step, keys),
            }
        }
        for ((_, name), keys) in vehicles {
            let step = comparing.vehicle(&name, &keys, &plan);
            plan.take(&keys, step.is_some());
            plan.vehicles.extend(step.map(|step| (name, step)));
        }
        for ((_, name), keys) in &accounts {
            if comparing.account(name, &BTreeSet::new()) == Some(Step::Remove) {
                let is_needed = comparing.is_needed(name, &plan);
                plan.account(name, (!is_needed).then_some(Step::Remove), keys);
            }
        }
        plan
    }

    fn account(&mut self, name: &str, step: Option<Step>, keys: &BTreeSet<Key>) {
        self.take(keys, step.is_some());
        self.accounts.extend(step.map(|step| (name.to_owned(), step)));
    }

    fn take(&mut self, keys: &BTreeSet<Key>, takes_effect: bool) {
        let set = if takes_effect { &mut self.changed } else { &mut self.restart_needed };
        set.extend(keys.iter().cloned());
    }
}

struct Comparing<'c> {
    served: &'c Served<'c>,
    config: &'c Config,
}

impl Comparing<'_> {
    /// What happens to an account; none if only a restart takes its configuration.
    fn account(&self, name: &str, restart_needed: &BTreeSet<Key>) -> Option<Step> {
        let there = self.served.accounts.contains_key(name);
        let Some(wanted) = self.config.accounts.get(name) else {
            return there.then_some(Step::Remove);
        };
        let connector = &wanted.connector;
        let same_grant = !restart_needed.iter().any(|key| is_about_connector(key, connector));
        let possible =
            self.served.connectors.contains(connector) && same_grant && !self.served.out.contains(name);
        possible.then_some(if there { Step::Change } else { Step::Add })
    }

    /// What happens to a vehicle; none if only a restart takes its configuration.
    fn vehicle(&self, name: &str, keys: &BTreeSet<Key>, plan: &Plan) -> Option<Step> {
        let there = self.served.vehicles.contains_key(name);
        let Some(wanted) = self.config.vehicles.get(name) else {
            return there.then_some(Step::Remove);
        };
        let account = wanted.account.as_str();
        let has_account = self.served.accounts.contains_key(account) || plan.accounts.contains_key(account);
        let same_grant = self.config.accounts.get(account).is_some_and(|account| {
            !plan.restart_needed.iter().any(|key| is_about_connector(key, &account.connector))
        });
        // A vehicle that is new takes everything as at a start.
        let known =
            !there || keys.iter().all(|key| key.parts().get(2).is_some_and(|key| OF_VEHICLES.contains(key)));
        let possible = has_account && same_grant && known && !self.served.out.contains(name);
        possible.then_some(if there { Step::Change } else { Step::Add })
    }

    /// Whether a vehicle will be served that belongs to this account.
    fn is_needed(&self, account: &str, plan: &Plan) -> bool {
        let stays = self.served.vehicles.iter().filter(|(vehicle, _)| !plan.vehicles.contains_key(*vehicle));
        stays.into_iter().any(|(_, of)| of == account)
    }
}

fn is_about_connector(key: &Key, connector: &str) -> bool {
    matches!(key.parts().as_slice(), ["connector", name, ..] if *name == connector)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    const TEXT: &str = "[mqtt]\nurl = \"mqtt://127.0.0.1\"\n[log]\nlevel = \"info\"\n\
        [account.main]\nconnector = \"kia-eu\"\nrefresh_token = \"${T}\"\n\
        [account.other]\nconnector = \"kia-eu\"\nrefresh_token = \"${T}\"\n\
        [vehicle.ev6]\naccount = \"main\"\nname = \"EV6\"\n[vehicle.niro]\naccount = \"other\"\nname = \"Niro\"\n";

    fn parsed(text: &str, token: char) -> Config {
        let token = token.to_string().repeat(48);
        Config::parse(text, Path::new("car.toml"), &move |_| Some(token.clone())).unwrap()
    }

    fn plan(text: &str, token: char) -> Plan {
        let before = parsed(TEXT, 'A');
        let of = |pairs: &[(&str, &str)]| {
            pairs.iter().map(|(name, of)| ((*name).to_owned(), (*of).to_owned())).collect()
        };
        let served = Served {
            keys: &before.keys,
            connectors: BTreeSet::from(["hyundai-kia-eu".to_owned()]),
            accounts: of(&[("main", "hyundai-kia-eu"), ("other", "hyundai-kia-eu")]),
            vehicles: of(&[("ev6", "main"), ("niro", "other")]),
            out: BTreeSet::new(),
        };
        Plan::of(&served, &parsed(text, token))
    }

    fn named(keys: &BTreeSet<Key>) -> Vec<String> {
        keys.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn what_is_known_takes_effect_and_anything_else_needs_a_restart() {
        assert_eq!(plan(TEXT, 'A'), Plan::default());
        let text = TEXT.replace("level = \"info\"", "level = \"debug\"\nformat = \"json\"");
        let text = text.replace("name = \"EV6\"", "name = \"EV6\"\nallow = [\"unlock\"]");
        let plan = plan(&text, 'A');
        assert!(plan.level && !plan.signatures);
        assert_eq!(plan.vehicles, BTreeMap::from([("ev6".to_owned(), Step::Change)]));
        assert_eq!(named(&plan.changed), ["log.level", "vehicle.ev6.allow"]);
        assert_eq!(named(&plan.restart_needed), ["log.format"]);
    }

    #[test]
    fn another_secret_is_a_change_of_the_accounts_that_have_it() {
        let plan = plan(TEXT, 'B');
        assert_eq!(named(&plan.changed), ["account.main.refresh_token", "account.other.refresh_token"]);
        assert!(plan.accounts.values().all(|step| *step == Step::Change) && plan.accounts.len() == 2);
    }

    #[test]
    fn an_account_on_a_connector_that_is_not_there_waits_and_so_do_its_vehicles() {
        let text = format!(
            "{TEXT}[account.zoe]\nconnector = \"renault\"\nbrand = \"renault\"\nusername = \"${{T}}\"\npassword = \"${{T}}\"\n\
             gigya_key = \"${{T}}\"\nkamereon_key = \"${{T}}\"\nsettings = {{ locale = \"fr_FR\" }}\n\
             [vehicle.zoe]\naccount = \"zoe\"\nname = \"Zoe\"\n"
        );
        let plan = plan(&text, 'A');
        assert!(plan.accounts.is_empty() && plan.vehicles.is_empty() && plan.changed.is_empty(), "{plan:?}");
        assert!(named(&plan.restart_needed).contains(&"vehicle.zoe.name".to_owned()));
    }

    #[test]
    fn what_leaves_goes_and_an_account_stays_as_long_as_a_vehicle_needs_it() {
        let without = TEXT.split("[account.other]").next().unwrap().to_owned()
            + "[vehicle.ev6]\naccount = \"main\"\nname = \"EV6\"\n";
        let gone = plan(&without, 'A');
        assert_eq!(gone.accounts, BTreeMap::from([("other".to_owned(), Step::Remove)]));
        assert_eq!(gone.vehicles, BTreeMap::from([("niro".to_owned(), Step::Remove)]));
        assert!(gone.restart_needed.is_empty(), "{gone:?}");
    }
}
