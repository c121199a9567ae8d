//! What a simulated account looks like, and how strict its server is.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use crate::brand::{Brand, Client};
use crate::cci::Release;
use crate::region::Region;
use crate::vehicle::VehicleConfig;

/// The account, its cars and the server in front of them.
///
/// The default is the account of the recorded traces: Kia, two cars, PIN `1234`, the traces' refresh token,
/// access tokens of an hour, everything strict. The same account signs in with `owner@example.org`, the password
/// `correct horse battery` and the gate keys `SECRET`, `PIECE`, `SUFFIX`.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where to listen; must be loopback. Port 0 picks a free one.
    pub listen: SocketAddr,
    /// Whose constants the server accepts.
    pub brand: Brand,
    /// Where the server is. Not every brand is everywhere: [`Region::client`].
    pub region: Region,
    /// The PIN that yields a control token.
    pub pin: String,
    /// The refresh token that the grant accepts, 48 characters of `[A-Z0-9]` in the real cloud.
    pub refresh_token: String,
    /// Answer every grant with a new refresh token and let the old one die. Off, the answer's `refresh_token`
    /// is `null`, as in the one published log.
    pub rotate_refresh_token: bool,
    /// The e-mail address that the account signs in with.
    pub username: String,
    /// The password that it signs in with.
    pub password: String,
    /// The account's number for its owner, the claim `uid` of tokens.
    pub user_id: String,
    /// Lead from the sign-in page to the app in the browser, as the real provider does. Off, the page answers itself.
    pub authorize_redirects: bool,
    /// The three parts of the key of signatures, in the order of the app.
    pub gate_keys: [String; 3],
    /// The release of the app whose keys those are.
    pub release: Release,
    /// Say in answers when they were made (`Date`). Off, they say a time that is none, as a server does whose clock was
    /// never set: for clients whose clock is not the server's.
    pub dated: bool,
    /// Give the exchangeable token of a refresh in the cookie `t` only, and the old one in the body.
    pub exchangeable_in_cookie: bool,
    /// How long the tokens of a set live that are for use; also the answer's `expiresIn`, in whole seconds.
    pub cci_token_lifetime: Duration,
    /// How long a set can be refreshed. After that the session is over: 4111.
    pub cci_refresh_lifetime: Duration,
    /// How long a CCS token lives; also the answer's `expiresTime`, which is a time to live in whole seconds.
    pub ccs_token_lifetime: Duration,
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
            region: Region::default(),
            pin: "1234".to_owned(),
            refresh_token: "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA1".to_owned(),
            rotate_refresh_token: false,
            username: "owner@example.org".to_owned(),
            password: "correct horse battery".to_owned(),
            user_id: "3f0a9c52-6f0e-4d0c-9a57-0d2f7c1b8e44".to_owned(),
            authorize_redirects: true,
            gate_keys: ["SECRET", "PIECE", "SUFFIX"].map(str::to_owned),
            release: Release::default(),
            dated: true,
            exchangeable_in_cookie: false,
            cci_token_lifetime: Duration::from_secs(3599),
            cci_refresh_lifetime: Duration::from_secs(90 * 86_400),
            ccs_token_lifetime: Duration::from_secs(86_400),
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

impl Config {
    /// The same account in a region, as that is known: outside Europe access tokens live for six hours, and those
    /// before the newest one go on (a client that was in use signs in, refreshes at once, and works with the first).
    pub fn of(region: Region, brand: Brand) -> Self {
        let account = Self { brand, region, ..Self::default() };
        if !region.signs_in_by_json() {
            return account;
        }
        let strict = Strictness { newest_token_only: false, ..account.strict };
        Self { access_token_lifetime: Duration::from_secs(21_600), strict, ..account }
    }

    /// Who the account's clients say they are. Of a brand that is not in the region, who they would say in Europe.
    pub fn client(&self) -> Client {
        self.region.client(self.brand).unwrap_or_else(|| self.brand.constants().client())
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
    /// Sign-in and token service are asked as the app asks them: user agent, every header, fields and their order.
    pub app: bool,
    /// `App-Request-Id` names the device of `client-device-id`, as the app's does. Whether the real service compares
    /// them nothing tells.
    pub request_id: bool,
    /// A set of tokens is refreshed and exchanged only for the device that it was given to: other programs keep both
    /// together. What the real service answers another device nothing tells.
    pub set_bound: bool,
    /// How far the time of a signature may be from the server's, either way. What the real gate allows is not known.
    pub fingerprint_tolerance: Duration,
    /// How many bytes the headers of a request may have. What the real services allow is not known; an exchange has
    /// more than 6 KiB.
    pub header_limit: usize,
    /// A grant or an exchange ends all earlier access tokens at once.
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
            app: true,
            request_id: true,
            set_bound: true,
            fingerprint_tolerance: Duration::from_secs(300),
            header_limit: 16 * 1024,
            newest_token_only: true,
            control_token_bound: true,
            pin_tries: 5,
            refuse_while_pending: false,
        }
    }
}
