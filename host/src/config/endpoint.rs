//! Services of a vehicle cloud, as an account reaches them.

use url::Url;

/// A service of a vehicle cloud that a connector may reach.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// The connector's name for it, for instance `ccapi`.
    pub name: String,
    /// Base URL: `https`, or `http` on this machine only; without user, query and fragment, and without a
    /// slash at the end of the path (a URL without a path is the exception: there the slash is the path).
    pub url: Url,
}
