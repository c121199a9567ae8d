//! A newer command for the same part of a vehicle takes the place of one that waits.

use tokio::sync::watch;

/// Watch for a newer command for the same actuator that takes a command's place.
#[derive(Debug)]
pub(crate) struct Supersession(Option<(watch::Receiver<u64>, u64)>);

impl Supersession {
    /// Watches over the command with this number: a newer one of its actuator raises the number.
    pub(crate) const fn by_what_follows(number: u64, newest: watch::Receiver<u64>) -> Self {
        Self(Some((newest, number)))
    }

    /// Watches over a command that moves nothing, which is never superseded.
    pub(crate) const fn never() -> Self {
        Self(None)
    }

    pub(crate) fn happened(&self) -> bool {
        self.0.as_ref().is_some_and(|(newest, number)| *newest.borrow() > *number)
    }

    /// Waits until it happens; for ever if it does not.
    pub(crate) async fn wait(&self) {
        if let Some((newest, number)) = &self.0
            && newest.clone().wait_for(|newest| newest > number).await.is_ok()
        {
            return;
        }
        std::future::pending().await
    }
}
