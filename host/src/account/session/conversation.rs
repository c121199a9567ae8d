//! A sign-in that goes on after its question, and one that a person begins.

use std::sync::Arc;

use super::attempt::{Attempt, GoingOn};
use super::{Refresh, RefreshError, Refreshed, of_join_error, token_endpoint};
use crate::account::question::Fitting;
use crate::account::{Account, Wish};
use crate::cell::Secrets;
use crate::primitives::{Allowance, SESSION};
use crate::protect::circuit::Purpose;

impl Refresh {
    /// A request for a session that belongs to no operation, with requests of its own.
    pub(crate) fn of_nobody(account: &Arc<Account>, what: &str) -> Self {
        let allowance = Allowance::new(account.requests_per_operation);
        let clock = Arc::clone(&account.services.clock);
        Self {
            policy: account.policy.active_for(&account.slug),
            connector: account.connector.active(),
            allowance: Arc::new(allowance.counted(Arc::clone(&account.requests), "session", clock)),
            operation: format!("{what}-{}", uuid::Uuid::now_v7().simple()),
            account: Arc::clone(account),
            given_once: Arc::default(),
            spares_session: false,
            wish: None,
        }
    }

    /// The same, of a sign-in that a person has begun, with what was given for it. `spares_session` says that a session is
    /// in use, which is as good as it was if the sign-in comes to nothing.
    pub(crate) fn by_hand(self, given_once: Arc<Secrets>, spares_session: bool, wish: Wish) -> Self {
        Self { given_once, spares_session, wish: Some(wish), ..self }
    }

    /// Goes on with the sign-in whose question has this number. None if another one is open by now, or none.
    ///
    /// Dropping the future does not stop it: what a person has handed in may be good only once.
    pub(crate) async fn go_on(
        self,
        number: u64,
        fitting: Fitting,
    ) -> Option<Result<Refreshed, RefreshError>> {
        let under_way = self.account.services.background.token();
        let going = tokio::spawn(async move {
            let _under_way = under_way;
            self.go_on_once(number, fitting).await
        });
        going.await.unwrap_or_else(|error| Some(Err(of_join_error(&error))))
    }

    async fn go_on_once(&self, number: u64, fitting: Fitting) -> Option<Result<Refreshed, RefreshError>> {
        let account = &self.account;
        let slot = account.context.cells.slot(SESSION)?;
        let guard = slot.acquire().await;
        let pending = account.questions.current().filter(|pending| pending.number == number)?;
        if account.services.background.is_closed() {
            return Some(Err(RefreshError::Stopping));
        }
        if account.is_retired() {
            return Some(Err(RefreshError::Retired));
        }
        if pending.is_over(account.clock().now()) {
            account.end_unanswered(&pending).await;
            return None;
        }
        if let Some(latched) = account.latched() {
            return Some(Err(RefreshError::Latched(latched.into())));
        }
        let now = account.clock().monotonic();
        let permit = match account.circuits.admit(&token_endpoint(account), now, Purpose::Read) {
            Ok(permit) => permit,
            Err(shut) => return Some(Err(RefreshError::Shut(shut))),
        };
        Some(Attempt::going_on(self, guard, GoingOn { pending, fitting }).make(permit).await)
    }
}
