//! Whose session it is.
//!
//! A session belongs to the connector and to the account at the vendor that it was granted for. A host that starts
//! with another one's credentials must not send what it has; one that starts with more or less of the same one's has
//! no reason to sign in again. So there is on record, as digests that tell neither: what was configured when the
//! session was granted, and who was signed in, by whatever was configured or given for that one sign-in.

use std::sync::Arc;

use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};

use super::Account;
use crate::cell::{Cells, Secrets};
use crate::config;
use crate::descriptor::{SecretClass, SecretRules};
use crate::digest::Digest;
use crate::primitives::AccountContext;
use crate::protect::latch::About;
use crate::store::{Kind, Store, StoreError, Write, load_document};

/// Owner of an account's cells, as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Owner {
    connector: String,
    /// Digest of what is configured to sign in with.
    configured: String,
    /// Digest of what tells one account of the vendor's from another.
    identity: String,
    /// Whether a password is configured.
    password: bool,
    /// Whether anything is configured that tells an account.
    is_told: bool,
}

/// Returns a digest of secrets and of the connector that they are for, if it matters, which tells neither.
fn digest<'s>(
    connector: Option<&'s str>,
    secrets: impl Iterator<Item = (&'s String, &'s SecretString)>,
) -> Digest {
    digest_of(connector.into_iter().chain(exposed(secrets)))
}

/// Secrets with their names, one after the other.
fn exposed<'s>(
    secrets: impl Iterator<Item = (&'s String, &'s SecretString)>,
) -> impl Iterator<Item = &'s str> {
    secrets.flat_map(|(name, secret)| [name.as_str(), secret.expose_secret()])
}

fn digest_of<'s>(parts: impl Iterator<Item = &'s str>) -> Digest {
    let mut all = secrecy::zeroize::Zeroizing::new(Vec::new());
    for part in parts {
        all.extend_from_slice(&part.len().to_le_bytes());
        all.extend_from_slice(part.as_bytes());
    }
    Digest::of(&all)
}

/// Returns a digest of all credentials of an account, which tells none of them.
fn credentials(config: &config::Account) -> Digest {
    digest(Some(&config.connector), config.secrets.iter())
}

/// The configured secrets of some classes.
fn of_classes<'c>(
    config: &'c config::Account,
    is_wanted: impl Fn(Option<SecretClass>) -> bool + 'c,
) -> impl Iterator<Item = (&'c String, &'c SecretString)> {
    let class = |name: &str| config.rules.get(name).map(|rule| rule.class);
    config.secrets.iter().filter(move |(name, _)| is_wanted(class(name)))
}

/// Whether what is of this class signs in. A PIN or a key does not.
const fn signs_in(class: Option<SecretClass>) -> bool {
    !matches!(class, Some(SecretClass::Pin(_) | SecretClass::Key))
}

/// Whether what is of this class tells one account of the vendor's from another.
const fn tells_accounts(class: Option<SecretClass>) -> bool {
    matches!(class, Some(SecretClass::Identifier | SecretClass::Token))
}

/// What is refused with an account's credentials: a PIN and keys have nothing to do with it. What is refused with the
/// program is what makes it look like the vendor's own: its keys, and the settings that say which app it is.
pub(super) fn about_account(config: &config::Account) -> About {
    let config::Account { connector, brand, region, settings, .. } = config;
    let keys = exposed(of_classes(config, |class| class == Some(SecretClass::Key)));
    let settings = settings.iter().flat_map(|(name, value)| [name.as_str(), value.as_str()]);
    let client = [connector.as_str(), brand.as_str(), region.as_str()].into_iter();
    About {
        credentials: digest(Some(connector), of_classes(config, signs_in)),
        client: digest_of(client.chain(keys).chain(["settings"]).chain(settings)),
        together: Some(credentials(config)),
    }
}

/// What is refused with a PIN: it, and the account that it is of.
pub(super) fn about_pin(config: &config::Account) -> About {
    let is_about = |class| matches!(class, Some(SecretClass::Pin(_))) || tells_accounts(class);
    let pin = digest(Some(&config.connector), of_classes(config, is_about));
    About { together: Some(credentials(config)), ..About::from(pin) }
}

/// Returns a digest of the tokens that the owner has configured; none if there are none, or if there is a password
/// with which others are had.
pub(super) fn configured_tokens(config: &config::Account) -> Option<Digest> {
    let of = |wanted: SecretClass| {
        let is_wanted =
            move |name: &str| config.rules.get(name).is_some_and(|it| it.class == wanted && !it.unused);
        config.secrets.iter().filter(move |(name, _)| is_wanted(name))
    };
    if of(SecretClass::Password).next().is_some() || of(SecretClass::Token).next().is_none() {
        return None;
    }
    Some(digest(None, of(SecretClass::Token)))
}

impl Owner {
    /// The owner of what is signed in with these secrets, and with what was given for that sign-in.
    pub(super) fn of(connector: &str, rules: &SecretRules, secrets: &Secrets, given: &Secrets) -> Self {
        let class = |name: &str| rules.get(name).map(|rule| rule.class);
        let tells = |name: &str| tells_accounts(class(name));
        let mut who: Vec<_> = secrets.iter().chain(given).filter(|(name, _)| tells(name)).collect();
        who.sort_by_key(|(name, _)| *name);
        Self {
            connector: connector.to_owned(),
            configured: digest(Some(connector), secrets.iter().filter(|(name, _)| signs_in(class(name))))
                .to_string(),
            identity: digest(Some(connector), who.into_iter()).to_string(),
            password: secrets.keys().any(|name| class(name) == Some(SecretClass::Password)),
            is_told: secrets.keys().any(|name| tells(name) || class(name) == Some(SecretClass::Password)),
        }
    }

    /// The owner as the configuration has it.
    fn configured(config: &config::Account) -> Self {
        Self::of(&config.connector, &config.rules, &config.secrets, &Secrets::new())
    }

    /// Whether what belongs to this one goes on with this configuration.
    fn goes_on_as(&self, now: &Self) -> bool {
        let as_before = self.configured == now.configured || !now.is_told;
        // A password that was added or removed is of the same account. Another one may be the remedy for a session
        // that is no good.
        let same_account = self.identity == now.identity && !(self.password && now.password);
        self.connector == now.connector && (as_before || same_account)
    }

    /// Whether it is of the same account at the vendor.
    fn is_same_account(&self, other: &Self) -> bool {
        self.connector == other.connector && self.identity == other.identity
    }

    /// The write that puts it on record.
    ///
    /// # Errors
    ///
    /// When it cannot be made.
    pub(super) fn write(&self, account: &str) -> Result<Write, StoreError> {
        Write::document(Kind::Credentials, account.to_owned(), self)
    }
}

impl Account {
    /// The owner of a session that is obtained with what is configured, and with what was given for that sign-in.
    pub(super) fn owner(&self, given: &Secrets) -> Owner {
        let AccountContext { rules, secrets, .. } = self.context.as_ref();
        Owner::of(&self.connector_name, rules, secrets, given)
    }

    /// The owner of a session of which is known only that it was obtained with what is configured, or beside it.
    pub(super) fn configured_owner(&self) -> Owner {
        self.owner(&Secrets::new())
    }

    /// Whether what the account's cells have may belong to another account at the vendor than this one: what is not on
    /// record, or cannot be read, may.
    pub(super) async fn may_belong_to_another(&self, owner: &Owner) -> bool {
        match load_document::<Owner>(self.services.store.as_ref(), Kind::Credentials, &self.slug).await {
            Ok(Some(known)) => !known.is_same_account(owner),
            Ok(None) => true,
            Err(error) => {
                tracing::warn!(account = self.slug, "whose session it was cannot be read: {error}");
                true
            }
        }
    }
}

/// Empties the cells if they belong to others. A session has a refresh token of its own, which would be sent in place
/// of the new one that the owner has given. Returns the writes by which the store does the same.
///
/// # Errors
///
/// When the store fails.
pub(super) async fn forget_strangers(
    account: &str,
    config: &config::Account,
    cells: &mut Cells,
    store: &Arc<dyn Store>,
) -> Result<Vec<Write>, StoreError> {
    let now = Owner::configured(config);
    let Some(known) = store.load(Kind::Credentials, account).await? else {
        return Ok(vec![now.write(account)?]);
    };
    match serde_json::from_slice::<Owner>(&known) {
        Ok(known) if known == now => Ok(Vec::new()),
        Ok(known) if known.goes_on_as(&now) => {
            // Who was signed in is not told again by what is configured now.
            let owner = Owner { identity: known.identity.clone(), ..now };
            Ok(if owner == known { Vec::new() } else { vec![owner.write(account)?] })
        }
        // As hosts have written it that knew no credentials but configured ones.
        Err(_) if known == credentials(config).to_string().into_bytes() => Ok(vec![now.write(account)?]),
        _ => {
            let mut writes = cells.clear()?;
            writes.push(now.write(account)?);
            Ok(writes)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::descriptor::{Configured, PinStyle, SecretRule};

    fn rules() -> SecretRules {
        let optional = |class| SecretRule::new(class, Configured::Optional);
        [
            ("username", optional(SecretClass::Identifier)),
            ("password", optional(SecretClass::Password)),
            ("refresh-token", optional(SecretClass::Token)),
            ("pin", optional(SecretClass::Pin(PinStyle::Challenge))),
            ("gate-keys", optional(SecretClass::Key)),
        ]
        .map(|(name, rule)| (name.to_owned(), rule))
        .into()
    }

    fn secrets(pairs: &[(&str, &str)]) -> Secrets {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).into())).collect()
    }

    fn owner(configured: &[(&str, &str)], given: &[(&str, &str)]) -> Owner {
        Owner::of("c", &rules(), &secrets(configured), &secrets(given))
    }

    #[test]
    fn a_session_goes_on_with_more_or_less_of_the_same_account() {
        let once = owner(&[], &[("username", "a"), ("password", "p")]);
        for (now, goes_on, why) in [
            (&[][..], true, "nothing has changed"),
            (&[("pin", "1234"), ("gate-keys", "k")], true, "neither signs in"),
            (&[("username", "a")], true, "the same one"),
            (&[("username", "a"), ("password", "p")], true, "the same one, and more"),
            (&[("username", "b")], false, "another one"),
            (&[("refresh-token", "t")], false, "a new token, which is to be sent"),
        ] {
            assert_eq!(once.goes_on_as(&owner(now, &[])), goes_on, "{why}");
        }
        let written = owner(&[("username", "a"), ("password", "p")], &[]);
        for (now, goes_on, why) in [
            (&[("username", "a")][..], true, "the password is not written down any more"),
            (&[], true, "nor is the name"),
            (&[("username", "a"), ("password", "q")], false, "another password, which is to be sent"),
            (&[("username", "b"), ("password", "p")], false, "another one"),
        ] {
            assert_eq!(written.goes_on_as(&owner(now, &[])), goes_on, "{why}");
        }
        let elsewhere = Owner::of("d", &rules(), &Secrets::new(), &Secrets::new());
        assert!(!once.goes_on_as(&elsewhere), "what one connector has is not handed to another one");
    }

    #[test]
    fn what_is_on_record_tells_nothing() {
        let record = owner(&[("refresh-token", "t0ken")], &[("username", "us3r"), ("password", "p4ss")]);
        let written = String::from_utf8(record.write("main").unwrap().value.unwrap()).unwrap();
        assert!(["t0ken", "us3r", "p4ss"].iter().all(|secret| !written.contains(secret)), "{written}");
        assert_eq!(record, owner(&[("refresh-token", "t0ken")], &[("username", "us3r"), ("password", "q")]));
    }
}
