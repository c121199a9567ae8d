//! The circuits of the host: those of [`vehicle_connector_rules::circuit`], by name.

mod named;

pub use named::{Change, Circuits, Shut, Status, UnknownCircuit};
pub(crate) use vehicle_connector_rules::circuit::LOOK_AGAIN;
pub use vehicle_connector_rules::circuit::{
    Cause, Circuit, Counts, Permit, Purpose, Refused, Settings, Snapshot, StateName, Transition,
};
