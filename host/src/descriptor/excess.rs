//! The difference between what a connector asks for and what it is granted.
//!
//! # What counts as more
//!
//! * A service that is not granted at this URL for all the accounts that it is asked for.
//! * A secret that is not granted, that is to go to more endpoints, to be replaced by or taken from answers,
//!   or to outlive a sign-in that fails.
//! * A secret's class. The rules of the granted class hold, whatever the component says. So a stricter one
//!   than it asks for is no danger: what the component does beyond it is denied when it does it. A weaker one
//!   is: an author who calls something a password knows that wrong ones lock the account, and a grant that
//!   calls it an identifier would have it sent without count. That is an excess of the grant, and told.
//!   The same holds for an operation's effect, which decides what may be repeated.
//! * A setting or an operation that is not granted.
//! * A code that is to count as a refusal, of a credential or before execution; and the other way round what
//!   keeps an answer from counting as one: words of success, and codes that leave open what happened.
//!
//! Descriptions, defaults, forms, lengths and the schemas of arguments are the owner's alone: no component
//! gets more by asking for others.

use url::Url;

use super::{CommandAnswers, Configured, Grant, OwnEffect, Refusals, Said, SecretClass, SecretRule, Service};

/// Something that a connector asks for and is not granted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Excess {
    /// A service.
    Endpoint {
        /// The service.
        service: Service,
        /// URL at which it is to be reached.
        url: Url,
    },
    /// A secret.
    Secret {
        /// Name of the secret.
        name: String,
        /// Class that it is to have.
        class: SecretClass,
    },
    /// Another class of a secret, whose rules are not weaker than those of the granted one.
    SecretClass {
        /// Name of the secret.
        name: String,
        /// Class that the connector gives it.
        wanted: SecretClass,
        /// Class that is granted.
        granted: SecretClass,
    },
    /// An endpoint of a secret.
    SecretEndpoint {
        /// Name of the secret.
        name: String,
        /// Name of the endpoint.
        endpoint: String,
    },
    /// A secret from the configuration, where it never has it.
    FromConfiguration {
        /// Name of the secret.
        name: String,
    },
    /// A secret out of answers, where the owner gives it.
    FromAnswers {
        /// Name of the secret.
        name: String,
    },
    /// A secret that outlives a sign-in that fails.
    Lasting {
        /// Name of the secret.
        name: String,
    },
    /// A setting of the account.
    Setting {
        /// Name of the setting.
        name: String,
    },
    /// An operation.
    Operation {
        /// Name of the operation.
        name: String,
        /// Effect that it is to have.
        effect: OwnEffect,
    },
    /// A more far-reaching effect of an operation.
    Effect {
        /// Name of the operation.
        name: String,
        /// Effect that the connector gives it.
        wanted: OwnEffect,
        /// Effect that is granted.
        granted: OwnEffect,
    },
    /// A code that refuses a credential.
    Refusal {
        /// Kind of refusal: `grant`, `pin` or `daily_limit`.
        kind: &'static str,
        /// The code.
        said: Said,
    },
    /// A part of how answers to commands are read.
    Answers {
        /// The part: `success`, `codes_at`, `before_execution` or `undecided`.
        part: &'static str,
        /// The code or pointer.
        value: String,
    },
}

impl std::fmt::Display for Excess {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Endpoint { service, url } => write!(f, "it wants to reach {service} at {}", shown(url)),
            Self::Secret { name, class } => write!(f, "it wants the secret {name} ({class})"),
            Self::SecretClass { name, wanted, granted } => write!(
                f,
                "it calls the secret {name} {wanted}, and the grant says {granted}, whose rules are weaker or others"
            ),
            Self::SecretEndpoint { name, endpoint } => write!(f, "it wants to send {name} to {endpoint}"),
            Self::FromConfiguration { name } => {
                write!(f, "it wants {name} from the configuration, which never has it")
            }
            Self::FromAnswers { name } => write!(f, "it wants to take {name} out of answers"),
            Self::Lasting { name } => write!(f, "it wants {name} kept when a sign-in fails"),
            Self::Setting { name } => write!(f, "it wants the setting {name}"),
            Self::Operation { name, effect } => {
                write!(f, "it wants the operation {name} ({})", effect.as_str())
            }
            Self::Effect { name, wanted, granted } => write!(
                f,
                "it calls the operation {name} {}, and the grant says {}, which may be repeated sooner",
                wanted.as_str(),
                granted.as_str()
            ),
            Self::Refusal { kind, said } => write!(f, "it takes {said} for a refusal ({kind})"),
            Self::Answers { part, value } => match *part {
                "before_execution" => write!(f, "it takes {value} for a refusal before execution"),
                "undecided" => write!(f, "it says that {value} leaves open what happened"),
                "success" => write!(f, "it says that {value} means success"),
                _ => write!(f, "it looks for codes at {value}"),
            },
        }
    }
}

fn shown(url: &Url) -> &str {
    url.as_str().trim_end_matches('/')
}

/// Returns what a connector asks for beyond what it is granted, in a fixed order.
#[must_use]
pub fn excess(wanted: &Grant, granted: &Grant) -> Vec<Excess> {
    let mut all = Vec::new();
    for (service, url) in &wanted.endpoints {
        let is_granted = |(other, at): (&Service, &Url)| other.covers(service) && at == url;
        if !granted.endpoints.iter().any(is_granted) {
            all.push(Excess::Endpoint { service: service.clone(), url: url.clone() });
        }
    }
    for (name, rule) in &wanted.secrets {
        match granted.secrets.get(name) {
            None => all.push(Excess::Secret { name: name.clone(), class: rule.class }),
            Some(granted) => of_secret(name, rule, granted, &mut all),
        }
    }
    for name in wanted.settings.keys().filter(|name| !granted.settings.contains_key(*name)) {
        all.push(Excess::Setting { name: name.clone() });
    }
    for (name, operation) in &wanted.operations {
        let (name, wanted) = (name.clone(), operation.effect);
        match granted.operations.get(&name).map(|granted| granted.effect) {
            None => all.push(Excess::Operation { name, effect: wanted }),
            Some(granted) if granted < wanted => all.push(Excess::Effect { name, wanted, granted }),
            Some(_) => {}
        }
    }
    of_refusals(&wanted.refusals, &granted.refusals, &mut all);
    of_answers(&wanted.answers, &granted.answers, &mut all);
    all
}

pub(super) fn of_secret(name: &str, wanted: &SecretRule, granted: &SecretRule, all: &mut Vec<Excess>) {
    let name = || name.to_owned();
    if !granted.class.is_as_strict_as(wanted.class) {
        all.push(Excess::SecretClass { name: name(), wanted: wanted.class, granted: granted.class });
    }
    for endpoint in wanted.endpoints.difference(&granted.endpoints) {
        all.push(Excess::SecretEndpoint { name: name(), endpoint: endpoint.clone() });
    }
    if wanted.configured != Configured::Never && granted.configured == Configured::Never {
        all.push(Excess::FromConfiguration { name: name() });
    }
    if wanted.is_capturable() && !granted.is_capturable() || wanted.rotates && !granted.rotates {
        all.push(Excess::FromAnswers { name: name() });
    }
    if wanted.lasting && !granted.lasting {
        all.push(Excess::Lasting { name: name() });
    }
}

pub(super) fn of_refusals(wanted: &Refusals, granted: &Refusals, all: &mut Vec<Excess>) {
    for ((kind, wanted), (_, granted)) in wanted.kinds().into_iter().zip(granted.kinds()) {
        for said in wanted.iter().filter(|said| !granted.iter().any(|other| other.covers(said))) {
            all.push(Excess::Refusal { kind, said: said.clone() });
        }
    }
}

fn of_answers(wanted: &CommandAnswers, granted: &CommandAnswers, all: &mut Vec<Excess>) {
    let mut add = |part, value: &str| all.push(Excess::Answers { part, value: value.to_owned() });
    // One that is granted and not wanted holds all the same.
    for (at, value) in wanted.success.iter().filter(|(at, value)| granted.success.get(at) != Some(value)) {
        add("success", &format!("{value} at {at}"));
    }
    wanted.codes_at.iter().filter(|at| !granted.codes_at.contains(at)).for_each(|at| add("codes_at", at));
    wanted
        .before_execution
        .difference(&granted.before_execution)
        .for_each(|code| add("before_execution", code));
    wanted.undecided.difference(&granted.undecided).for_each(|code| add("undecided", code));
}

#[cfg(test)]
mod tests;
