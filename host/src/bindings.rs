//! Bindings that `bindgen!` generates from `wit/`, under shorter names.
//!
//! One set of bindings serves both worlds: a slot looks up only the interfaces that it calls (`connector`
//! or `policy`), so a policy-only component and a connector's own policy look the same to the host.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "generated; the documentation is in wit/"
)]

pub(crate) mod guard;
pub mod names;
mod rules;

mod generated {
    wasmtime::component::bindgen!({
        path: "../wit",
        world: "vehicle-connector",
        imports: { default: async | trappable },
        exports: { default: async },
        require_store_data_send: true,
        with: { "vehicle:connector/lock.guard": crate::bindings::guard::Guard },
        additional_derives: [PartialEq],
    });
}

/// The interface that every policy exports, and its types.
pub use generated::exports::vehicle::connector::policy;

/// The interface that every vehicle connector exports, and its types.
pub use generated::exports::vehicle::connector::connector;

/// The primitives that the host gives to a vehicle connector.
pub use generated::vehicle::connector::{clock, http, lock, log, mqtt, random, types};

impl policy::Failure {
    /// A refusal of which only cloud, operation, phase and effect are known, with a token of unknown age.
    /// Callers that know more set the other fields.
    #[must_use]
    pub fn refused(cloud: &str, operation: &str, phase: policy::Phase, effect: policy::Effect) -> Self {
        Self {
            cloud: cloud.to_owned(),
            operation: operation.to_owned(),
            effect,
            phase,
            certainty: policy::Certainty::Rejected,
            transport: None,
            http_status: None,
            code: None,
            sub_code: None,
            oauth_error: None,
            retry_after: None,
            message: String::new(),
            body: policy::BodyKind::None,
            token_age: None,
            token_last_worked: None,
            endpoint: None,
            redirect: None,
            content_type: None,
        }
    }
}
