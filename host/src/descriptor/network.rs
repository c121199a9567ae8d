//! Networks that the host may reach.

use std::collections::BTreeSet;

/// Destinations that the host may reach besides the internet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Network {
    /// Names of vehicle clouds that may resolve to addresses of private networks and of this machine; in
    /// lower case, without a trailing dot. All other names are refused when they do, except that `localhost`
    /// may be this machine.
    pub private_hosts: BTreeSet<String>,
}
