//! Final results that the broker may not have.

use std::sync::Arc;

use super::{CommandLedger, key};
use crate::store::{Kind, StoreError, Write};
use crate::wire::message::Delivered;
use crate::wire::report::Report;

/// Forgets that a result may not have been published, once the broker has it.
#[derive(Debug)]
pub struct ResultPublished {
    ledger: Arc<CommandLedger>,
    key: String,
}

impl ResultPublished {
    /// Watches for the result of this command.
    #[must_use]
    pub fn new(results: &Arc<CommandLedger>, vehicle: &str, id: &str) -> Self {
        Self { ledger: Arc::clone(results), key: key(vehicle, id) }
    }
}

impl Delivered for ResultPublished {
    fn delivered(&self) {
        // Changes are made even if no caller waits for them; that it is lost in a crash costs one repetition.
        drop(self.ledger.store.commit(vec![Write::remove(Kind::Unpublished, self.key.clone())]));
    }
}

impl CommandLedger {
    /// Returns the final results, with their vehicles, of which a host before this one has not learned that
    /// the broker has them.
    ///
    /// # Errors
    ///
    /// When the store fails.
    pub async fn unpublished(&self) -> Result<Vec<(String, Report)>, StoreError> {
        let mut all = Vec::new();
        let mut gone = Vec::new();
        for (key, _) in self.store.list(Kind::Unpublished).await? {
            let vehicle = key.split_once('/').map_or(key.as_str(), |(vehicle, _)| vehicle).to_owned();
            match self.load(&key).await? {
                Some(stored) if stored.report.state.is_final() => all.push((vehicle, stored.report)),
                // Forgotten meanwhile: no caller waits for it any more.
                _ => gone.push(Write::remove(Kind::Unpublished, key)),
            }
        }
        if !gone.is_empty() {
            self.store.commit(gone).await?;
        }
        all.sort_by_key(|(_, report)| report.finished_at);
        Ok(all)
    }
}
