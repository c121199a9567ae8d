//! What a simulated account looks like, and how strict its server is.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use crate::brand::Brand;
use crate::vehicle::VehicleConfig;

/// The account, its cars and the server in front of them.
///
/// The default is the account of the recorded traces: Kia, two cars, PIN `1234`, the traces' refresh token,
/// access tokens of an hour, everything strict.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where to listen; must be loopback. Port 0 picks a free one.
    pub listen: SocketAddr,
    /// Whose constants the server accepts.
    pub brand: Brand,
    /// The PIN that yields a control token.
    pub pin: String,
    /// The refresh token that the grant accepts, 48 characters of `[A-Z0-9]` in the real cloud.
    pub refresh_token: String,
    /// Answer every grant with a new refresh token and let the old one die. Off, the answer's `refresh_token`
    /// is `null`, as in the one published log.
    pub rotate_refresh_token: bool,
    /// The cars of the account, in the order of the vehicle list.
    pub vehicles: Vec<VehicleConfig>,
    /// How long an access token lives; also the answer's `expires_in`, in whole seconds.
    pub access_token_lifetime: Duration,
    /// How long a control token lives; also the answer's `expiresTime`, in whole seconds.
    pub control_token_lifetime: Duration,
    /// Device ids that are registered from the start, for clients that kept one from an earlier run.
    pub devices: Vec<String>,
    /// What is checked.
    pub strict: Strictness,
    /// Start of the id sequence: equal seeds and equal requests give equal ids and tokens.
    pub seed: u64,
    /// How many requests the log keeps; older ones are forgotten.
    pub log_capacity: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0),
            brand: Brand::Kia,
            pin: "1234".to_owned(),
            refresh_token: "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA1".to_owned(),
            rotate_refresh_token: false,
            vehicles: VehicleConfig::fleet(2),
            access_token_lifetime: Duration::from_secs(3600),
            control_token_lifetime: Duration::from_secs(600),
            devices: Vec::new(),
            strict: Strictness::default(),
            seed: 1,
            log_capacity: 4096,
        }
    }
}

/// Which checks are made. The default makes all that the real cloud is known to make.
#[derive(Debug, Clone)]
pub struct Strictness {
    /// `Stamp` decodes to the application id and a time within [`Self::stamp_tolerance`] of now.
    pub stamp: bool,
    /// How far a stamp's time may be from the server's, either way.
    pub stamp_tolerance: Duration,
    /// `ccsp-service-id` and `ccsp-application-id` are the brand's.
    pub application: bool,
    /// `ccsp-device-id` is a registered one.
    pub device: bool,
    /// `Ccuccs2protocolsupport` is what that route wants for that car.
    pub protocol_header: bool,
    /// JSON posts say so in `Content-Type`.
    pub content_type: bool,
    /// A grant ends all earlier access tokens at once.
    pub newest_token_only: bool,
    /// A control token works only with the device id that it was given to.
    pub control_token_bound: bool,
    /// After so many wrong PINs in a row even the right one is refused, until `restore`. 0 never locks.
    pub pin_tries: u32,
    /// A command for a car whose last action is still pending is refused as a duplicate (4004). Off by default:
    /// an action that nobody polls would keep its car busy for ever.
    pub refuse_while_pending: bool,
}

impl Default for Strictness {
    fn default() -> Self {
        Self {
            stamp: true,
            stamp_tolerance: Duration::from_secs(60),
            application: true,
            device: true,
            protocol_header: true,
            content_type: true,
            newest_token_only: true,
            control_token_bound: true,
            pin_tries: 5,
            refuse_while_pending: false,
        }
    }
}
