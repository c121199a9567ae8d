//! Waking a vehicle up, within the bounds of its owner.

use jiff::Timestamp;

use super::Vehicle;
use crate::protect::quota::QuotaError;
use crate::protect::waking::{Bounds, Leave, Refusal};
use crate::wire::outcome::Reason;

/// A read that wakes the vehicle up, as it was counted.
#[derive(Debug)]
#[must_use = "what never leaves this machine is taken back"]
pub(crate) struct Waking {
    /// Leave for it.
    pub(crate) leave: Leave,
    /// Time at which the vehicle was woken up before.
    before: Option<Timestamp>,
}

impl Vehicle {
    /// Counts a read that wakes the vehicle up, if it may be woken up now.
    ///
    /// # Errors
    ///
    /// When it may not, or that cannot be counted: why, for programs and for people.
    pub(crate) async fn wake(&self, now: Timestamp) -> Result<Waking, (Reason, String)> {
        let force = self.configured.force;
        let bounds = Bounds { least_aux_percent: force.min_aux_soc, gap: force.min_gap };
        let aux = self.memory().published().and_then(|it| it.state.aux_battery_percent);
        let leave = bounds.admit(aux, self.forced_reads.last(now), now).map_err(|refusal| {
            let reason = match refusal {
                Refusal::AuxBatteryLow { .. } => Reason::AuxBatteryLow,
                Refusal::TooEarly { .. } => Reason::Cooldown,
            };
            (reason, refusal.to_string())
        })?;
        match self.forced_reads.count(now).await {
            Ok(()) => {}
            Err(why @ QuotaError::Used { .. }) => {
                return Err((Reason::Cooldown, format!("{why} (force.max_per_day)")));
            }
            Err(QuotaError::NotStored(error)) => return Err((Reason::HostFault, error.to_string())),
        }
        if leave == Leave::Unknown {
            tracing::warn!(vehicle = self.slug, "it is woken up, and nothing is known of its 12 V battery");
        }
        let before = self.learn(|memory| memory.rhythm.woken(Some(now)));
        Ok(Waking { leave, before })
    }

    /// Takes back a read that never left this machine.
    pub(crate) async fn was_not_woken(&self, waking: &Waking, now: Timestamp) {
        self.learn(|memory| memory.rhythm.woken(waking.before));
        if let Err(error) = self.forced_reads.take_back(now).await {
            tracing::warn!(vehicle = self.slug, "a forced read counts that was none: {error}");
        }
    }
}
