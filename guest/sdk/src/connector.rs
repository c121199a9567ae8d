//! What a connector is written against.

use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;

use crate::failure;

/// A code by which a cloud refuses a credential.
pub use crate::bindings::connector::exports::vehicle::connector::connector::Refusal;
pub use crate::bindings::connector::exports::vehicle::connector::connector::{
    Accepted, Account, Challenge, ChargeLimits, ChargingCurrent, Choice, Climate, Code, Command,
    CommandAnswers, Configured, Endpoint, Grant, Manifest, OtherCommand, Outcome, OwnEffect, OwnOperation,
    Pending, PinStyle, Question, ReadMode, Redirect, RefusedCredential, Reply, Report, ReturnPath, Seat,
    SecretCharacters, SecretClass, SecretForm, Signal, Step, SuccessMark, Vehicle, VehicleRef, Visit,
    WantedEndpoint, WantedSecret, WantedSetting, Wants, WindowPosition, Windows,
};
pub use crate::bindings::connector::vehicle::connector::types::{
    BodyKind, Certainty, Failure, Milliseconds, Phase, Transport,
};

/// A connector: how one vendor's cloud is spoken to (`wit/connector.wit`). Exported with
/// [`connector!`](crate::connector!).
///
/// Each function makes one attempt and reports what happened. What a vendor has not, is not written.
pub trait Connector {
    /// Name, version, and what is asked of the owner. The same every time.
    fn describe() -> Manifest;

    /// The account's vehicles.
    ///
    /// # Errors
    ///
    /// The attempt failed.
    fn list_vehicles(account: &Account) -> Result<Vec<Vehicle>, Failure>;

    /// One attempt at a command.
    ///
    /// # Errors
    ///
    /// The attempt failed.
    fn execute(account: &Account, vehicle: &VehicleRef, command: &Command) -> Result<Outcome, Failure>;

    /// A session from the credentials of the configuration.
    ///
    /// # Errors
    ///
    /// The attempt failed; without another implementation, always.
    fn sign_in(account: &Account) -> Result<Step, Failure> {
        let _what_for = account;
        Err(failure::not_sent(Phase::SignIn, "this connector has no sign-in"))
    }

    /// What comes after the question of a sign-in.
    ///
    /// # Errors
    ///
    /// The attempt failed; without another implementation, always: nothing was asked.
    fn continue_sign_in(account: &Account, continuation: &str, reply: &Reply) -> Result<Step, Failure> {
        let _nobody_asked = (account, continuation, reply);
        Err(failure::not_sent(Phase::SignIn, "this connector asks no questions"))
    }

    /// The next session from the one that there is.
    ///
    /// # Errors
    ///
    /// The attempt failed; without another implementation, always, with the code [`failure::NO_REFRESH`]: a
    /// policy that knows it signs in again.
    fn refresh(account: &Account) -> Result<Step, Failure> {
        let _what_for = account;
        Err(failure::no_refresh())
    }

    /// What became of a pending command. Does not send it.
    ///
    /// # Errors
    ///
    /// The question failed; the command is not touched by that.
    fn resume(
        account: &Account,
        vehicle: &VehicleRef,
        command: &Command,
        continuation: &str,
    ) -> Result<Outcome, Failure> {
        let _nothing_is_pending = (account, vehicle, command, continuation);
        Ok(Outcome::Other("this connector leaves nothing pending".to_owned()))
    }
}

impl Account {
    /// The base URL of the endpoint of this name, without a slash at its end.
    ///
    /// # Errors
    ///
    /// The account has no such endpoint.
    pub fn endpoint(&self, name: &str) -> Result<&str, Failure> {
        let endpoint = self.endpoints.iter().find(|endpoint| endpoint.name == name);
        endpoint.map(|endpoint| endpoint.url.trim_end_matches('/')).ok_or_else(|| {
            failure::not_sent(Phase::Unknown, &alloc::format!("no endpoint `{name}` is configured"))
        })
    }

    /// The setting of this name.
    #[must_use]
    pub fn setting(&self, name: &str) -> Option<&str> {
        self.settings.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// Whether the account has the secret of this name now.
    #[must_use]
    pub fn has_secret(&self, name: &str) -> bool {
        self.secrets.iter().any(|secret| secret == name)
    }
}

impl Outcome {
    /// Done, and confirmed.
    #[must_use]
    pub fn done() -> Self {
        Self::Done(Report { state: None, action_id: None })
    }

    /// A read that ended well, with the state document.
    #[must_use]
    pub fn read(state: impl Into<String>) -> Self {
        Self::Done(Report { state: Some(state.into()), action_id: None })
    }

    /// A vehicle, or a connector, that does not have `what`. Nothing was sent.
    #[must_use]
    pub fn unsupported(what: &str) -> Self {
        Self::Unsupported(what.to_owned())
    }
}

impl Step {
    /// A step that waits for a person. `continuation` is what `continue_sign_in` is given: no secrets, at
    /// most 4,096 bytes.
    #[must_use]
    pub fn ask(challenge: Challenge, continuation: impl Into<String>) -> Self {
        Self::Asked(Question { challenge, continuation: continuation.into(), expires_in: None })
    }
}
