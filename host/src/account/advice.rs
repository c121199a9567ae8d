//! Advice to people: what a latch or a doubt about an account means, and what helps.

use jiff::Timestamp;

use super::question::Pending;
use crate::config;
use crate::descriptor::SecretClass;
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
        let (once_more, login) = (self.once_more(), self.login());
        match kind {
            LatchKind::AuthRequired => {
                format!(
                    "{vendor} refused the {with}: write a new one into the configuration and reload or restart, or {once_more}"
                )
            }
            LatchKind::OtpRequired => format!(
                "{vendor} wants more than the {with}, such as a one-time code, and has not got it: be there and {login}"
            ),
            LatchKind::ConsentRequired => format!(
                "{vendor} wants its terms to be accepted: accept them in its app or on its site, then {login}"
            ),
            LatchKind::ClientRefused => format!(
                "{vendor} refuses this version of the connector, whoever uses it: install a newer one, or {once_more}"
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
             configuration and reload or restart, or {once_more}"
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

    /// Returns what is asked of a person, and how it is answered: on the command line or on this topic.
    pub(super) fn on_question(&self, question: &Pending, topic: &str) -> String {
        let (slug, asked) = (&self.slug, question.in_words(&self.vendor));
        let problem = question.problem.as_ref().map(|problem| format!(" ({problem})")).unwrap_or_default();
        let until = question.expires_at;
        match question.challenge.polled_every() {
            Some(_) => format!(
                "{asked}{problem}: the topic of the question and `vehicle-connector auth login {slug}` show the address; it is \
                 noticed when that is done, until {until:.0}"
            ),
            None => format!(
                "{asked}{problem}: answer with `vehicle-connector auth answer {slug}` or on {topic}, until {until:.0}"
            ),
        }
    }

    /// Returns what it means that the grant of the account ends then, and what helps.
    pub(super) fn on_grant_end(&self, ends_at: Timestamp) -> String {
        format!(
            "what {} has granted ends at {ends_at:.0}, and nothing renews it: {} before",
            self.vendor,
            self.login()
        )
    }

    /// The vendor's name.
    pub(super) fn vendor(&self) -> &str {
        &self.vendor
    }

    fn login(&self) -> String {
        format!("sign in with `vehicle-connector auth login {}`", self.slug)
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
    let is_pin = |name: &str| {
        config
            .rules
            .get(name)
            .is_some_and(|rule| matches!(rule.class, SecretClass::Pin(_) | SecretClass::Key))
    };
    let names = config.secrets.keys().filter(|name| !is_pin(name)).map(|name| name.replace('-', " "));
    let names: Vec<String> = names.collect();
    if names.is_empty() { "credentials".to_owned() } else { names.join(" or ") }
}
