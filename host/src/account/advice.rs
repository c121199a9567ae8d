//! Advice to people: what a latch or a doubt about an account means, and what helps.

use jiff::Timestamp;

use super::question::Pending;
use crate::config;
use crate::descriptor::SecretClass;
use crate::judge::evidence::GrantRefusal;
use crate::protect::doubt::Refused;
use crate::protect::latch::LatchKind;

/// What a sign-in was made with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum With {
    /// What is configured, or what the vendor has given out.
    Configured,
    /// What a person has given for it.
    Given,
}

/// Advice about one account.
#[derive(Debug)]
pub(super) struct Advice {
    /// Slug of the account.
    slug: String,
    /// Vendor, as people know it.
    vendor: String,
    /// Configured secrets that sign the account in, as people know them; none if nothing is configured that does.
    signs_in_with: Option<String>,
    /// Configured keys of the program, as people know them.
    keys: Option<String>,
}

impl Advice {
    pub(super) fn new(slug: &str, config: &config::Account) -> Self {
        Self {
            slug: slug.to_owned(),
            vendor: as_people_say(&config.brand),
            signs_in_with: configured(config, |class| {
                !matches!(class, Some(SecretClass::Pin(_) | SecretClass::Key))
            }),
            keys: configured(config, |class| matches!(class, Some(SecretClass::Key))),
        }
    }

    /// Returns what a latch means, and what helps. `refusal` is what the sign-in was refused by, and `with` what it was
    /// made with.
    pub(super) fn on_latch(&self, kind: LatchKind, refusal: GrantRefusal, with: With) -> String {
        let (vendor, once_more, login) = (&self.vendor, self.once_more(), self.login());
        match kind {
            LatchKind::AuthRequired => self.on_refused_grant(refusal, with),
            LatchKind::OtpRequired => format!(
                "{vendor} wants more than {}, such as a one-time code, and has not got it: be there and {login}",
                self.credentials(with)
            ),
            LatchKind::ConsentRequired => format!(
                "{vendor} wants its terms to be accepted: accept them in its app or on its site, then {login}"
            ),
            LatchKind::ClientRefused => match &self.keys {
                Some(keys) => format!(
                    "{vendor} refuses this program, whoever uses it: its {keys} or its version are not those of the vendor's \
                     app any more. Write the new ones into the configuration and reload or restart, install a newer \
                     connector, or {once_more}"
                ),
                None => format!(
                    "{vendor} refuses this version of the connector, whoever uses it: install a newer one, or {once_more}"
                ),
            },
            LatchKind::LockedOut => format!(
                "{vendor} blocks this program for all its accounts, and every further request makes that last longer: wait"
            ),
        }
    }

    /// Returns what it means that there is no session, where only a person can obtain one.
    pub(super) fn on_nobody_signed_in(&self) -> String {
        let (vendor, login) = (&self.vendor, self.login());
        format!("nobody has signed in to {vendor}, and no password is configured: {login}")
    }

    /// Returns what it means that a person has signed the account out.
    pub(super) fn on_signed_out(&self) -> String {
        format!("the account was signed out: {}", self.login())
    }

    /// Returns what it means that a sign-in cannot go on without what was given for it, and what helps.
    pub(super) fn on_lost(&self) -> String {
        format!(
            "the sign-in to {} could not go on: what was given for it is stored nowhere, and has gone with a restart or a \
             reload of the host since; {}",
            self.vendor,
            self.login()
        )
    }

    fn on_refused_grant(&self, refusal: GrantRefusal, with: With) -> String {
        let (vendor, credentials, login) = (&self.vendor, self.credentials(with), self.login());
        match (refusal, with) {
            (GrantRefusal::Credentials, With::Given) => {
                format!("{vendor} refused the sign-in with what was given for it: look at it, then {login}")
            }
            (GrantRefusal::Credentials, With::Configured) if self.signs_in_with.is_some() => {
                let once_more = self.once_more();
                format!(
                    "{vendor} refused {credentials}: write a new one into the configuration and reload or restart, or {once_more}"
                )
            }
            (GrantRefusal::Credentials, With::Configured) => {
                format!("{vendor} refused {credentials}: {login}")
            }
            (GrantRefusal::Session, _) => {
                format!("{vendor} has ended the session, and only a sign-in brings another one: {login}")
            }
            (GrantRefusal::SignIn, _) => {
                format!("{vendor} refused the sign-in, and its words say why: see to that, then {login}")
            }
            (GrantRefusal::Undecidable, _) => format!(
                "{vendor} led the sign-in back to where it began, as it does with a wrong password and with a program that \
                 it keeps out, and nobody can tell which: see whether {credentials} works in its app or on its site, then {login}"
            ),
        }
    }

    /// What a sign-in was made with, as people know it.
    fn credentials(&self, with: With) -> String {
        match with {
            With::Configured => format!("the {}", self.signs_in_with.as_deref().unwrap_or("credentials")),
            With::Given => "what was given".to_owned(),
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

/// The configured secrets of some classes, in words; none if there are none.
fn configured(config: &config::Account, is_wanted: impl Fn(Option<SecretClass>) -> bool) -> Option<String> {
    let class = |name: &str| config.rules.get(name).map(|rule| rule.class);
    let names =
        config.secrets.keys().filter(|name| is_wanted(class(name))).map(|name| name.replace('-', " "));
    let names: Vec<String> = names.collect();
    (!names.is_empty()).then(|| names.join(" or "))
}
