//! What may be reached.

use std::collections::BTreeSet;

/// What the host may reach besides the internet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Network {
    /// Names of vehicle clouds that may resolve to addresses of private networks and of this machine; in lower case,
    /// without a dot at the end. All other names are refused when they do, except that `localhost` may be this
    /// machine.
    pub private_hosts: BTreeSet<String>,
}
