//! The listener, and its connections.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::answers::Answers;
use super::{CONNECTIONS, NoListener, Patience};
use crate::config;
use crate::host::Host;

/// The largest head of a request, in bytes. The least that the library takes.
const LARGEST_HEAD: usize = 8 << 10;

/// Pause after accepting failed, as when the process has no file descriptor left.
const ACCEPT_AGAIN: Duration = Duration::from_secs(1);

/// Time for answers under way when the host stops.
const GRACE: Duration = Duration::from_secs(1);

/// A listener that has its address, before there is a host to ask.
#[derive(Debug)]
pub struct Listener {
    listener: TcpListener,
    address: SocketAddr,
    config: config::Http,
    patience: Patience,
}

impl Listener {
    /// Listens. Must be called within a tokio runtime.
    ///
    /// # Errors
    ///
    /// When the address is another program's, or none of this machine.
    pub async fn open(config: &config::Http) -> Result<Self, NoListener> {
        let no_listener = |error| NoListener { address: config.listen, error };
        let listener = TcpListener::bind(config.listen).await.map_err(no_listener)?;
        let address = listener.local_addr().map_err(no_listener)?;
        Ok(Self { listener, address, config: config.clone(), patience: Patience::default() })
    }

    /// Gives clients this time.
    #[must_use]
    pub fn patient(self, patience: Patience) -> Self {
        Self { patience, ..self }
    }

    /// Answers for this host from now on, until the returned value is dropped.
    #[must_use]
    pub fn serve(self, host: &Arc<Host>) -> Watching {
        let Self { listener, address, config, patience } = self;
        tracing::info!(%address, "health and metrics can be asked for");
        let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
        let answers = Arc::new(Answers::new(Arc::clone(host), config));
        let serving = Serving { answers, patience, tasks: tasks.clone(), stop: stop.clone() };
        tasks.spawn(serving.accept(listener));
        Watching { address, tasks, stop }
    }
}

/// A listener that answers. Dropping it ends it at once.
#[derive(Debug)]
pub struct Watching {
    address: SocketAddr,
    tasks: TaskTracker,
    stop: CancellationToken,
}

impl Watching {
    /// Returns the address on which it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Takes no more connections, and waits a moment for the answers under way.
    pub async fn close(self) {
        self.stop.cancel();
        self.tasks.close();
        if tokio::time::timeout(GRACE, self.tasks.wait()).await.is_err() {
            tracing::debug!("somebody still reads health or metrics");
        }
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// What the connections of a listener have in common.
#[derive(Clone)]
struct Serving {
    answers: Arc<Answers>,
    patience: Patience,
    tasks: TaskTracker,
    stop: CancellationToken,
}

impl Serving {
    async fn accept(self, listener: TcpListener) {
        let places = Arc::new(Semaphore::new(CONNECTIONS));
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                () = self.stop.cancelled() => return,
            };
            match accepted {
                // One too many is closed without a word: to say one would take what there is not enough of.
                Ok((stream, _address)) => {
                    if let Ok(place) = Arc::clone(&places).try_acquire_owned() {
                        self.tasks.spawn(self.clone().connection(stream, place));
                    }
                }
                Err(error) => {
                    tracing::warn!("the HTTP listener lets nobody in: {error}");
                    tokio::select! {
                        () = tokio::time::sleep(ACCEPT_AGAIN) => {}
                        () = self.stop.cancelled() => return,
                    }
                }
            }
        }
    }

    /// Answers one request. The place is free again when this returns.
    async fn connection(self, stream: TcpStream, _place: OwnedSemaphorePermit) {
        let service = service_fn(|request| {
            let answer = self.answers.to(&request);
            async move { Ok::<_, Infallible>(answer) }
        });
        let serving = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(self.patience.head)
            .max_buf_size(LARGEST_HEAD)
            .keep_alive(false)
            .serve_connection(TokioIo::new(stream), service);
        let mut serving = std::pin::pin!(serving);
        let served = async {
            tokio::select! {
                served = serving.as_mut() => return served,
                () = self.stop.cancelled() => {}
            }
            serving.as_mut().graceful_shutdown();
            serving.await
        };
        match tokio::time::timeout(self.patience.lifetime, served).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::debug!("a connection for health or metrics ended: {error}"),
            Err(_elapsed) => tracing::debug!("a connection for health or metrics took too long"),
        }
    }
}
