//! The services that all parts of a host use, made once at its start.

use std::sync::Arc;

use tokio_util::task::TaskTracker;

use crate::audit::Audit;
use crate::entropy::Entropy;
use crate::events::Events;
use crate::metrics::Metrics;
use crate::primitives::{Tap, Transport};
use crate::store::Store;
use crate::time::Clock;
use crate::wire::publish::Publish;
use crate::wire::topics::Topics;

/// One set of services for a host: its accounts, its deployments and its desks share it.
#[derive(Debug)]
pub struct Services {
    /// Store of the state. What happens to it is published as events.
    pub store: Arc<dyn Store>,
    /// Clock.
    pub clock: Arc<dyn Clock>,
    /// Source of randomness.
    pub entropy: Arc<dyn Entropy>,
    /// The way to the broker. It masks vehicle identification numbers that the host has seen.
    pub publisher: Arc<dyn Publish>,
    /// The way to the clouds.
    pub transport: Arc<dyn Transport>,
    /// Tap that is told what guests are given; usually there is none.
    pub tap: Option<Arc<dyn Tap>>,
    /// The topic tree.
    pub topics: Topics,
    /// Events, for subscribers.
    pub events: Events,
    /// Trail of every decision of a policy, for operators.
    pub audit: Arc<Audit>,
    /// Counts, for whoever watches the host.
    pub metrics: Arc<Metrics>,
    /// Work that goes on without a caller that waits for it, so that stopping can wait.
    pub background: TaskTracker,
}
