//! The rules that hold whatever a plugin says, [`vehicle_connector_rules::action`], over the types of the
//! interface.

pub(super) use vehicle_connector_rules::action::{Action, Facts, LONGEST_PAUSE, MOST_ATTEMPTS, admit};
