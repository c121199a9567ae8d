//! The code that is sent by mail.
//!
//! A device that has answered with a code is remembered for about 30 days. A wrong code leaves the challenge
//! open: the failure is reported, and the host asks again.

use vehicle_connector_sdk::connector::{Challenge, Choice, Code};
use vehicle_connector_sdk::prelude::*;

use crate::gigya::{self, Gigya, with_device};
use crate::{place, session};

/// How many digits a code has.
const DIGITS: u8 = 6;

/// A mailbox of the person.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Mailbox {
    id: String,
    /// Its address, masked.
    masked: String,
}

/// What is remembered while a person is asked.
#[derive(Debug, PartialEq, Eq)]
enum Waiting {
    /// For the mailbox to send a code to.
    Choice(Vec<Mailbox>),
    /// For the code that was sent there.
    Code(Mailbox),
}

/// Whether the account has an identity as a device.
pub(crate) fn has_device(account: &Account) -> bool {
    account.has_secret("gmid") && account.has_secret("ucid")
}

/// Takes up the challenge of a login, and asks the first question.
///
/// # Errors
///
/// No answer, a refusal, or nowhere to send a code to.
pub(crate) fn begin(account: &Account, gigya: &Gigya<'_>) -> Result<Step, Failure> {
    if !has_device(account) {
        let request = gigya.get("accounts.webSdkBootstrap");
        let request = request.capture_cookie("gmid", "gmid").capture_cookie("ucid", "ucid");
        let answer = gigya::open(request.send(Phase::SignIn)?)?;
        if answer.header("set-cookie").is_none() {
            return Err(answer.lacks("identity of a device"));
        }
    }
    let request = gigya
        .get("accounts.tfa.initTFA")
        .query_secret("regToken", "reg-token")
        .query("provider", "gigyaEmail")
        .query("mode", "verify")
        .query_secret("gmid", "gmid")
        .query_secret("ucid", "ucid")
        .capture_secret("/gigyaAssertion", "gigya-assertion");
    ask(request)?.part("/gigyaAssertion")?;
    let request = gigya.get("accounts.tfa.email.getEmails").query_secret("gigyaAssertion", "gigya-assertion");
    let answer = ask(request)?;
    let mut mailboxes = mailboxes(&answer);
    match mailboxes.pop() {
        None => Err(answer.lacks("mailbox to send a code to")),
        Some(only) if mailboxes.is_empty() => send(account, gigya, only),
        Some(last) => {
            mailboxes.push(last);
            Ok(Waiting::Choice(mailboxes).question())
        }
    }
}

/// Goes on after a question.
///
/// # Errors
///
/// No answer or a refusal, of a wrong code for instance; or a reply to another question.
pub(crate) fn go_on(account: &Account, continuation: &str, reply: &Reply) -> Result<Step, Failure> {
    let gigya = Gigya::of(account)?;
    let nothing = |why| Err(failure::not_sent(Phase::SignIn, why));
    match (Waiting::parse(continuation), reply) {
        (Some(Waiting::Choice(mailboxes)), Reply::Chosen(id)) => {
            match mailboxes.into_iter().find(|mailbox| mailbox.id == *id) {
                Some(mailbox) => send(account, &gigya, mailbox),
                None => nothing("there is no such mailbox to choose"),
            }
        }
        (Some(Waiting::Code(mailbox)), Reply::Again) => send(account, &gigya, mailbox),
        (Some(Waiting::Code(_)), Reply::Code) => verify(&gigya),
        (Some(Waiting::Choice(_)), _) => nothing("this question wants a mailbox chosen"),
        (Some(Waiting::Code(_)), _) => nothing("this question wants a code"),
        (None, _) => nothing("the continuation is not one of this connector's"),
    }
}

/// Has a code sent, and asks for it.
fn send(account: &Account, gigya: &Gigya<'_>, mailbox: Mailbox) -> Result<Step, Failure> {
    let request = gigya
        .get("accounts.tfa.email.sendVerificationCode")
        .query_secret("gigyaAssertion", "gigya-assertion")
        .query("emailID", &mailbox.id)
        .query("lang", place::language(account))
        .capture_secret("/phvToken", "phv-token");
    ask(request)?.part("/phvToken")?;
    Ok(Waiting::Code(mailbox).question())
}

/// Hands in the code, has the device remembered, and signs in as that device.
fn verify(gigya: &Gigya<'_>) -> Result<Step, Failure> {
    let request = gigya
        .get("accounts.tfa.email.completeVerification")
        .query_secret("gigyaAssertion", "gigya-assertion")
        .query_secret("phvToken", "phv-token")
        .query_secret("code", "mail-code")
        .capture_secret("/providerAssertion", "provider-assertion");
    ask(request)?.part("/providerAssertion")?;
    let request = gigya
        .get("accounts.tfa.finalizeTFA")
        .query_secret("gigyaAssertion", "gigya-assertion")
        .query_secret("providerAssertion", "provider-assertion")
        .query_secret("regToken", "reg-token")
        .query("tempDevice", "false");
    ask(request)?;
    session::signed_in(gigya.login(true)?, gigya)
}

fn ask(request: Request) -> Result<Answer, Failure> {
    gigya::open(with_device(request).send(Phase::SignIn)?)
}

fn mailboxes(answer: &Answer) -> Vec<Mailbox> {
    let entries = answer.at("/emails").and_then(Value::as_array);
    entries.into_iter().flatten().filter_map(Mailbox::parse).collect()
}

impl Mailbox {
    fn parse(entry: &Value) -> Option<Self> {
        let text = |key: &str| entry.get(key).and_then(Value::as_str);
        let id = text("id")?.to_owned();
        Some(Self { masked: text("obfuscated").unwrap_or(&id).to_owned(), id })
    }

    fn to_json(&self) -> Value {
        json!({ "id": self.id, "obfuscated": self.masked })
    }
}

impl Waiting {
    fn parse(continuation: &str) -> Option<Self> {
        let value: Value = serde_json::from_str(continuation).ok()?;
        if let Some(mailbox) = value.get("code") {
            return Mailbox::parse(mailbox).map(Self::Code);
        }
        let entries = value.get("choice")?.as_array()?;
        Some(Self::Choice(entries.iter().filter_map(Mailbox::parse).collect()))
    }

    fn question(&self) -> Step {
        match self {
            Self::Choice(mailboxes) => {
                let choices = mailboxes
                    .iter()
                    .map(|mailbox| Choice { id: mailbox.id.clone(), label: mailbox.masked.clone() })
                    .collect();
                let all: Vec<_> = mailboxes.iter().map(Mailbox::to_json).collect();
                Step::ask(Challenge::Choice(choices), format!("{}", json!({ "choice": all })))
            }
            Self::Code(mailbox) => {
                let code = Code {
                    secret: "mail-code".to_owned(),
                    sent_to: Some(mailbox.masked.clone()),
                    digits: Some(DIGITS),
                    resend: true,
                };
                Step::ask(Challenge::Code(code), format!("{}", json!({ "code": mailbox.to_json() })))
            }
        }
    }
}
