//! Advice to people: what a latch or a doubt about an account means, and what helps.

use crate::config;
use crate::primitives::PIN;
use crate::protect::doubt::Refused;
use crate::protect::latch::LatchKind;

/// Advice about one account.
#[derive(Debug)]
pub(super) struct Advice {
    /// Slug of the account.
    slug: String,
    /// Vendor, as people know it.
    vendor: String,
    /// Configured secrets that sign the account in, as people know them.
    signs_in_with: String,
}

impl Advice {
    pub(super) fn new(slug: &str, config: &config::Account) -> Self {
        Self {
            slug: slug.to_owned(),
            vendor: as_people_say(&config.brand),
            signs_in_with: signs_in_with(config),
        }
    }

    /// Returns what a latch means, and what helps.
    pub(super) fn on_latch(&self, kind: LatchKind) -> String {
        let Self { vendor, signs_in_with: with, .. } = self;
        let once_more = self.once_more();
        match kind {
            LatchKind::AuthRequired => {
                format!(
                    "{vendor} refused the {with}: write a new one into the configuration and restart, or {once_more}"
                )
            }
            LatchKind::OtpRequired => format!(
                "{vendor} wants a one-time code or consent before it accepts the {with}: sign in with its app, write a new \
                 one into the configuration and restart, or {once_more}"
            ),
            LatchKind::LockedOut => format!(
                "{vendor} blocks this program for all its accounts, and every further request makes that last longer: wait"
            ),
        }
    }

    /// Returns what it means that the PIN was refused, and what helps.
    pub(super) fn on_refused_pin(&self) -> String {
        let (vendor, once_more) = (&self.vendor, self.once_more());
        format!(
            "{vendor} refused the PIN, and a few wrong ones lock it in its app too: write the right one into the \
             configuration and restart, or {once_more}"
        )
    }

    /// Returns what it means that something was refused without a reason. `answer` is the vendor's, in short.
    pub(super) fn on_doubt(&self, what: Refused, answer: &str) -> String {
        format!(
            "{} refused {} and did not say why ({answer}); it is tried again by itself",
            self.vendor,
            what.in_words()
        )
    }

    fn once_more(&self) -> String {
        format!("have the same tried once more with `vehicle-connector account retry {}`", self.slug)
    }
}

/// A vendor's name, from the configuration's word for it.
fn as_people_say(brand: &str) -> String {
    let mut letters = brand.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

/// The configured secrets by which an account is signed in, in words.
fn signs_in_with(config: &config::Account) -> String {
    let names = config.secrets.keys().filter(|name| *name != PIN).map(|name| name.replace('-', " "));
    let names: Vec<String> = names.collect();
    if names.is_empty() { "credentials".to_owned() } else { names.join(" or ") }
}
