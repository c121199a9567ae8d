//! Credentials after a failure: what it tells about them, and what follows for the next attempt.

use super::{Failed, Step, StepError};
use crate::bindings::policy::{Failure, FailureKind, Phase};
use crate::judge::{Judged, evidence};
use crate::operation::reason;
use crate::protect::latch::{LatchKind, Latched};
use crate::wire::outcome::Reason;

/// The cell of the device registration, as connectors name it.
const REGISTRATION: &str = "device-registration";

impl Step<'_> {
    /// Whether an attempt would register this installation as a device. A connector without such a cell may
    /// always do.
    fn registers(&self) -> bool {
        // A question is asked with the registration that the command was sent with.
        let pinned = self.pinned.as_ref().and_then(|view| view.cell(REGISTRATION));
        if pinned.is_some_and(|cell| cell.value.is_some()) {
            return false;
        }
        let slot = self.operation.account.context.cells.slot(REGISTRATION);
        slot.is_none_or(|slot| slot.current().value.is_none())
    }

    /// Checks whether a registration that was refused without a reason is due again, and counts it if it is.
    pub(super) async fn may_register(&self) -> Result<(), StepError> {
        let account = &self.operation.account;
        if !self.registers() {
            return Ok(());
        }
        if let Some(rest) = account.registration.rest(account.clock()) {
            let message = format!(
                "the cloud refused to register this installation and did not say why ({}); it is asked again in {} s",
                rest.reason,
                rest.left.as_secs().max(1)
            );
            return Err(self.not_tried(Reason::UpstreamUnavailable, message));
        }
        account.registration.begin(account.clock()).await.map_err(|error| {
            let message = format!("it could not be written down that a device is registered: {error}");
            self.not_tried(Reason::HostFault, message)
        })
    }

    /// Records an attempt that ended without an answer: if it was a registration, its outcome is unknown.
    pub(super) async fn told_nothing(&self) {
        if self.registers() {
            self.operation.account.registration.unclear().await;
        }
    }

    /// Records an attempt that has got past the registration.
    pub(super) async fn accepted_here(&self) {
        let account = &self.operation.account;
        account.registration.forget().await;
        account.reached();
    }

    /// Draws from a failure what it says about the PIN and the registration. Returns the latch if the PIN is
    /// refused: a few wrong ones lock it for its owner as well, so it is not sent again.
    pub(super) async fn weigh(&self, judged: &Judged) -> Option<Latched> {
        let failure = &judged.failure;
        let account = &self.operation.account;
        match failure.phase {
            Phase::Pin if evidence::refuses_pin(failure, &account.refusals, &self.operation.policy).await => {
                return account.refuse_pin(&failure.message).await;
            }
            // The PIN was not reached: what stands before it was refused.
            Phase::Pin
                if self.pin_turn.is_some()
                    && (judged.is_about_the_token() || *judged.kind() == FailureKind::DeviceUnregistered) =>
            {
                account.context.pin.not_about_it().await;
            }
            Phase::Pin if reason::is_pin_in_doubt(judged) => {
                if self.pin_turn.is_some() {
                    account.context.pin.doubted(account.clock());
                }
                account.tell_of_doubt().await;
            }
            Phase::Registration if evidence::is_doubtful(failure) => {
                let (clock, answer) = (account.clock(), evidence::in_short(failure));
                let told = failure.retry_after.map(std::time::Duration::from_millis);
                account.registration.refused(clock, answer, told).await;
                account.tell_of_doubt().await;
            }
            _ if !self.registers() => {
                account.registration.forget().await;
            }
            _ => account.registration.unclear().await,
        }
        None
    }

    /// Whether what a policy wants latched is latched. Only an answer that says that the credentials are
    /// refused latches for good.
    pub(super) async fn may_latch(&self, kind: LatchKind, failure: &Failure) -> bool {
        let (operation, account) = (self.operation, &self.operation.account);
        match kind {
            LatchKind::LockedOut => evidence::may_say_blocked(failure),
            LatchKind::AuthRequired | LatchKind::OtpRequired => {
                evidence::refuses_grant(failure, &account.refusals, &operation.policy).await
            }
        }
    }

    /// Makes the error of a step because of which something is latched.
    pub(super) fn failed_for_good(&self, reason: Reason, latched: &Latched, judged: &Judged) -> StepError {
        let failed = self.failed(judged);
        StepError::Failed(Failed { reason, words: latched.into(), ..failed })
    }
}
