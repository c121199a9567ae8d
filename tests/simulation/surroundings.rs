//! What a host of a simulation runs in: a cloud, the way to it, a store and a list in place of the broker, all on one
//! paused clock, with everything that happens in one trace.

use std::sync::Arc;

use simulator::{Cloud, Control};
use testkit::Recording;
use testkit::network::Network;
use testkit::paused::PausedClock;
use testkit::seeded::SeededEntropy;
use testkit::trace::Trace;
use vehicle_connector::host::Environment;
use vehicle_connector::store::MemoryStore;

/// Surroundings of the hosts of one run.
pub struct Surroundings {
    pub control: Control,
    pub network: Arc<Network>,
    pub trace: Arc<Trace>,
    pub published: Arc<Recording>,
    pub environment: Environment,
}

impl Surroundings {
    /// A cloud of this configuration and everything around it. Whatever is drawn follows from the seed of the cloud.
    /// `delivers` says whether the broker ever says that it has what was published: if not, every host publishes the
    /// results of the one before it again.
    pub fn of(config: simulator::Config, delivers: bool) -> Self {
        let (clock, seed) = (PausedClock::start(), config.seed);
        let trace = Trace::new(clock);
        for vehicle in &config.vehicles {
            trace.keep_secret(&vehicle.vin);
        }
        // The trace has what matters of it, and costs less.
        let cloud = Cloud::new(simulator::Config { log_capacity: 0, ..config }, clock.of_cloud());
        let control = cloud.control();
        let network = Arc::new(Network::new(cloud, Arc::clone(&trace), seed));
        let published = Recording::traced(&trace);
        let published = Arc::new(if delivers { published } else { published.undelivered() });
        let store = Arc::new(MemoryStore::default());
        let environment = Environment::new(store, Arc::new(clock), Arc::clone(&published) as _)
            .with_transport(Arc::clone(&network) as _)
            .with_entropy(Arc::new(SeededEntropy::new(seed)));
        Self { control, network, trace, published, environment }
    }
}

/// Runs something to its end, on this thread and in paused time.
pub fn in_virtual_time<T>(seed: u64, run: impl Future<Output = T>) -> T {
    // Jitter is drawn from here.
    fastrand::seed(seed);
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(run)
}
