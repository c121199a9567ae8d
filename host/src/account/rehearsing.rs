//! Rehearsal of a sign-in: what would be sent, shown to its owner, and sent only as far as nothing counts.
//!
//! Nothing is latched, counted or kept of the session. What a connector keeps in its own cells it keeps in the store of
//! the host that rehearses, which therefore is one that forgets ([`Host::rehearse_sign_in`]).
//!
//! [`Host::rehearse_sign_in`]: crate::host::Host::rehearse_sign_in

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::Serialize;

use super::{Account, Prospect};
use crate::account::session::Refresh;
use crate::bindings::connector::Step;
use crate::cell::Secrets;
use crate::plugin::Called;
use crate::plugin::question::SignIn;
use crate::primitives::{Call, Rehearsal, RehearsedRequest};

/// Value of a secret that stands in for one that is not configured. It is sent nowhere.
const STAND_IN: &str = "a value that stands in for yours";

/// A sign-in as it would be, as far as it could be seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Rehearsed {
    /// Slug of the account.
    pub account: String,
    /// What would become of a sign-in that is no rehearsal.
    pub prospect: Prospect,
    /// The requests, in their order.
    pub requests: Vec<RehearsedRequest>,
    /// Whether a sign-in would be begun, and all requests before the one that counts have gone well.
    pub went_well: bool,
    /// How it has ended, in words.
    pub end: String,
}

impl Account {
    /// Rehearses a sign-in: asks the connector for one, sends its requests up to the first that counts, and shows them.
    /// Credentials that a person would type are stood in for where the configuration has none.
    ///
    /// `told` is what the host that runs says of a sign-in now, if another one than this runs. Where the vendor is to be
    /// left alone nothing is sent.
    pub async fn rehearse_sign_in(self: &Arc<Self>, told: Option<Prospect>) -> Rehearsed {
        let prospect = match told {
            Some(told) => told,
            None => self.prospect().await,
        };
        let silence = match &prospect {
            Prospect::Refused { why, leave_alone: true } => Some(why.clone()),
            _ => None,
        };
        let Refresh { connector, allowance, operation, .. } = Refresh::of_nobody(self, "rehearsal");
        let view = self.context.cells.snapshot();
        let mut call = Call::new(Arc::clone(&self.context), allowance, operation, view);
        let stand_ins = self.stand_ins();
        call.handed = stand_ins.iter().map(|name| (name.clone(), STAND_IN.into())).collect::<Secrets>();
        call.rehearsal = Some(Rehearsal { stand_ins, silence, ..Rehearsal::default() });
        call.signs_in = true;
        call.purpose = "rehearsal";
        let Called { answer, mut call } = connector.ask(self.described.account(), &SignIn, call).await;
        let Rehearsal { requests, over, silence, .. } = call.rehearsal.take().unwrap_or_default();
        let (went_well, end) = match (over, answer) {
            _ if silence.is_some() => {
                (false, "nothing was sent, so what would follow is not known".to_owned())
            }
            (Some(why), _) => {
                (true, format!("the sign-in goes on with the request that was not sent: {why}"))
            }
            (None, Ok(Ok(Step::Granted(_)))) => {
                (true, "the connector has signed in without anything that counts".to_owned())
            }
            (None, Ok(Ok(_))) => (true, "the vendor asks a question before anything that counts".to_owned()),
            (None, Ok(Err(failure))) => (false, format!("the sign-in ends here: {}", failure.message)),
            (None, Err(fault)) => (false, format!("the connector has failed: {fault}")),
        };
        let would_begin = !matches!(prospect, Prospect::Refused { .. });
        Rehearsed { account: self.slug.clone(), prospect, requests, went_well: went_well && would_begin, end }
    }

    /// Names of the credentials that a person would type.
    fn stand_ins(&self) -> BTreeSet<String> {
        self.takes_once().map(str::to_owned).collect()
    }
}
