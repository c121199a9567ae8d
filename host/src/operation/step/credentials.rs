//! Credentials of a step: which may be sent, what a failure tells about them, and what follows for the next
//! attempt.

use super::StepError;
use super::context::Context;
use super::views::Views;
use crate::bindings::policy::{Failure, FailureKind, Phase};
use crate::descriptor::PinStyle;
use crate::judge::{Judged, evidence};
use crate::operation::reason;
use crate::protect::latch::{LatchKind, Latched};
use crate::time::of_milliseconds;
use crate::wire::outcome::Reason;

/// The cell of the device registration, as connectors name it.
const REGISTRATION: &str = "device-registration";

/// Credentials of a step: what its attempts may send of them, and what their failures say about them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Credentials<'a> {
    pub(super) context: Context<'a>,
    pub(super) views: &'a Views,
}

impl Credentials<'_> {
    /// Whether an attempt would register this installation as a device. A connector without such a cell may
    /// always do.
    fn registers(&self) -> bool {
        // A question is asked with the registration that the command was sent with.
        if self.views.pinned(REGISTRATION).is_some_and(|cell| cell.value.is_some()) {
            return false;
        }
        let slot = self.context.account().context.cells.slot(REGISTRATION);
        slot.is_none_or(|slot| slot.current().value.is_none())
    }

    /// Checks whether a registration that was refused without a reason is due again, and counts it if it is.
    pub(super) async fn may_register(&self) -> Result<(), StepError> {
        let account = self.context.account();
        if !self.registers() {
            return Ok(());
        }
        if let Some(rest) = account.registration.rest(account.clock()) {
            let message = format!(
                "the cloud refused to register this installation and did not say why ({}); it is asked again in {} s",
                rest.reason,
                rest.left.as_secs().max(1)
            );
            return Err(self.context.not_tried(Reason::UpstreamUnavailable, message));
        }
        account.registration.begin(account.clock()).await.map_err(|error| {
            let message = format!("it could not be written down that a device is registered: {error}");
            self.context.not_tried(Reason::HostFault, message)
        })
    }

    /// Records an attempt that ended without an answer: if it was a registration, its outcome is unknown.
    pub(super) async fn told_nothing(&self) {
        if self.registers() {
            self.context.account().registration.unclear().await;
        }
    }

    /// Draws from a failure what it says about the PIN and the registration. Returns the latch if the PIN is
    /// refused: a few wrong ones lock it for its owner as well, so it is not sent again. `pin_sent` says
    /// whether the attempt has sent it.
    pub(super) async fn weigh(&self, judged: &Judged, pin_sent: bool) -> Option<Latched> {
        let failure = &judged.failure;
        let account = self.context.account();
        // A PIN that goes with the request that needs it: the answer is about that, unless it says otherwise.
        let bearer = pin_sent && account.context.pin_style() == Some(PinStyle::Bearer);
        if bearer && let Some(latched) = account.context.pin.latched(account.clock().now()) {
            // The answer itself said so, whatever the connector says.
            return Some(latched);
        }
        match failure.phase {
            _ if bearer && evidence::is_pin_refusal(failure, &account.context.refusals) => {
                return account.refuse_pin(&failure.message).await;
            }
            Phase::Pin if bearer => {}
            Phase::Pin
                if evidence::refuses_pin(
                    failure,
                    &account.context.refusals,
                    &self.context.operation.policy,
                )
                .await =>
            {
                return account.refuse_pin(&failure.message).await;
            }
            // The PIN was not reached: what stands before it was refused.
            Phase::Pin
                if pin_sent
                    && (judged.is_about_the_token() || *judged.kind() == FailureKind::DeviceUnregistered) =>
            {
                account.context.pin.not_about_it().await;
            }
            Phase::Pin if reason::is_pin_in_doubt(judged) => {
                if pin_sent {
                    account.context.pin.doubted(account.clock());
                }
                account.tell_of_doubt().await;
            }
            Phase::Registration if evidence::is_doubtful(failure) => {
                let (clock, answer) = (account.clock(), evidence::in_short(failure));
                let told = failure.retry_after.map(of_milliseconds);
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
        let (operation, account) = (self.context.operation, self.context.account());
        match kind {
            LatchKind::LockedOut => evidence::may_say_blocked(failure),
            LatchKind::ClientRefused => evidence::may_say_client_refused(failure),
            LatchKind::AuthRequired | LatchKind::OtpRequired | LatchKind::ConsentRequired => {
                evidence::refuses_grant(failure, &account.context.refusals, &operation.policy).await
            }
        }
    }
}
