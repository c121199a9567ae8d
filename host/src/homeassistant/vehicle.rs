//! The device that stands for a vehicle.

mod controls;
mod sensors;

use std::collections::BTreeSet;

use super::account::in_capitals;
use super::bridge::BridgeFacts;
use super::device::{Device, Rank};
use super::name::shown;
use crate::descriptor::Takes;
use crate::wire::operation::OperationName;
use crate::wire::topics::Topics;

/// What is known of a vehicle.
#[derive(Clone, Debug)]
pub struct VehicleFacts<'f> {
    /// Beginning of all identifiers.
    pub node: &'f str,
    /// Slug of the vehicle.
    pub slug: &'f str,
    /// Name that its owner has given it in the vendor's app.
    pub name: Option<&'f str>,
    /// Name of its model.
    pub model: Option<&'f str>,
    /// Brand, if the connector has several.
    pub brand: &'f str,
    /// Operations that it has and that may be commanded.
    pub operations: BTreeSet<OperationName>,
    /// Values that have ever been said of it, by their paths in the state document: `soc_percent`,
    /// `doors/front_left`.
    pub values: BTreeSet<String>,
    /// Whether it is known where it is.
    pub has_location: bool,
    /// Values that commands take.
    pub takes: &'f Takes,
}

impl VehicleFacts<'_> {
    /// Identifier of the device of a vehicle.
    #[must_use]
    pub fn id(node: &str, slug: &str) -> String {
        format!("{node}_vehicle_{slug}")
    }

    /// Describes the device.
    #[must_use]
    pub fn device(&self, topics: &Topics) -> Device {
        let Self { node, slug, .. } = self;
        let id = Self::id(node, slug);
        let model = self.model.and_then(shown);
        let name = self.name.and_then(shown).or_else(|| model.clone()).unwrap_or_else(|| (*slug).to_owned());
        let device = Device::new(Rank::Vehicle, id, slug, &name);
        let mut device = device
            .about("model", model)
            .about("manufacturer", in_capitals(self.brand))
            .about("via_device", Some(BridgeFacts::id(node)))
            .available([topics.bridge_state(), topics.vehicle(slug, "availability")]);
        self.add_controls(topics, &mut device);
        self.add_sensors(topics, &mut device);
        device
    }

    fn can(&self, operation: OperationName) -> bool {
        self.operations.contains(&operation)
    }

    fn knows(&self, value: &str) -> bool {
        self.values.contains(value)
    }
}
