//! Environment of a host: its store, its clock, and its ways to the broker and to the clouds.
//!
//! [`Environment::new`] takes the three parts that every program has to choose; clouds are reached over the
//! network unless [`Environment::with_transport`] says otherwise. Each part is a small trait, and its
//! documentation is the contract that the host relies on.
//!
//! A transport of one's own, for example, is one function. It decides nothing about what may be sent:
//! everything that a connector may not do is refused before a request reaches the transport.
//!
//! ```
//! use futures_util::future::BoxFuture;
//! use vehicle_connector::environment::{HttpRequest, Response, Transport, TransportError};
//!
//! /// A cloud under maintenance.
//! #[derive(Debug)]
//! struct Maintenance;
//!
//! impl Transport for Maintenance {
//!     fn send(&self, request: HttpRequest) -> BoxFuture<'_, Result<Response, TransportError>> {
//!         Box::pin(async move {
//!             if request.acts_on_vehicle {
//!                 // Nothing left this machine, so the command can be sent again.
//!                 return Err(TransportError::NotSent("the cloud is under maintenance".to_owned()));
//!             }
//!             let headers = vec![("retry-after".to_owned(), "600".to_owned())];
//!             Ok(Response { status: 503, headers, body: Vec::new() })
//!         })
//!     }
//! }
//! # use std::sync::Arc;
//! # use vehicle_connector::environment::{Discard, Environment, MemoryStore, SystemClock};
//! # let store = Arc::new(MemoryStore::default());
//! # let environment = Environment::new(store, Arc::new(SystemClock::start()), Arc::new(Discard));
//!
//! let environment = environment.with_transport(Arc::new(Maintenance));
//! # let request = HttpRequest {
//! #     method: http::Method::GET,
//! #     url: "https://cloud.example/cars".parse().unwrap(),
//! #     headers: http::HeaderMap::new(),
//! #     body: None,
//! #     timeout: std::time::Duration::from_secs(1),
//! #     acts_on_vehicle: false,
//! # };
//! # let transport = environment.transport.unwrap();
//! # let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
//! # let answer = runtime.block_on(transport.send(request));
//! # assert_eq!(answer.unwrap().status, 503);
//! ```
//!
//! Types of other crates appear in these signatures on purpose: `jiff::Timestamp` for civil time, `http`'s
//! method and headers, `url::Url`, and `futures_util`'s boxed future. A change of one of them is a change of
//! this library.

pub use crate::bindings::http::TransportError;
pub use crate::entropy::{Entropy, SystemEntropy};
pub use crate::host::{Configured, Environment};
pub use crate::primitives::transport::Response;
pub use crate::primitives::{HttpClient, HttpRequest, NoClient, Tap, Transport};
pub use crate::program_log::ProgramLog;
pub use crate::store::{Kind, MemoryStore, Record, SqliteStore, Store, StoreError, Write};
pub use crate::time::{Clock, SystemClock};
pub use crate::wire::message::{Notice, Outgoing};
pub use crate::wire::publish::{Discard, Publish};
