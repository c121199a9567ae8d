//! URLs, headers and sending.

use vehicle_connector_sdk::clock;
use vehicle_connector_sdk::prelude::*;

use crate::brand::{Brand, OneApp};
use crate::envelope;
use crate::kept;
use crate::region::{Region, SignIn};
use crate::stamp::stamp;

/// The version of the vehicle service without the PIN.
pub(crate) const SPA: &str = "/api/v1/spa";

/// The version of the vehicle service that wants the PIN's permission.
pub(crate) const SPA2: &str = "/api/v2/spa";

/// The account service.
pub(crate) const USER: &str = "/api/v1/user";

const USER_AGENT: &str = "okhttp/3.12.0";

/// How a request proves who sends it. The names of the sets of headers are those of the wire description.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Proof {
    /// H-auth: access token, device id, stamp, and the protocol of the vehicle that it is about.
    Access {
        /// `Ccuccs2protocolsupport`.
        protocol: u64,
    },
    /// H-ctl: like H-auth, with the permission that the PIN gave in place of the access token.
    Control {
        /// `Ccuccs2protocolsupport`.
        protocol: u64,
    },
    /// H-pin: the access token and nothing else.
    Pin,
    /// H-reg: no token yet.
    Registration,
    /// Where accounts sign in, which the body proves, or what the caller adds.
    Grant,
}

/// One account's view of the cloud.
#[derive(Debug)]
pub(crate) struct Cloud<'a> {
    /// The account.
    pub account: &'a Account,
    /// Its brand.
    pub brand: &'static Brand,
    /// Its region.
    pub region: &'static Region,
    /// Whether the driver sits on the right.
    pub right_hand: bool,
    vehicles: &'a str,
    identity: &'a str,
}

impl<'a> Cloud<'a> {
    /// The cloud of `account`.
    ///
    /// # Errors
    ///
    /// The brand is not in the table for the region, or the endpoints `ccapi` and the one to sign in at are not
    /// configured. Nothing was sent.
    pub(crate) fn of(account: &'a Account) -> Result<Self, Failure> {
        let unknown = |what: String| failure::not_sent(Phase::Unknown, &what);
        let region = Region::named(&account.region)
            .ok_or_else(|| unknown(format!("unknown region `{}`", account.region)))?;
        let brand = Brand::named(&account.brand, region.name).ok_or_else(|| {
            unknown(format!("unknown brand `{}` in region `{}`", account.brand, region.name))
        })?;
        let right_hand = region.right_hand || account.setting("right-hand-drive") == Some("true");
        let identity = match region.sign_in {
            SignIn::IdentityProvider => "idp",
            SignIn::AccountService => "account",
        };
        Ok(Self {
            account,
            brand,
            region,
            right_hand,
            vehicles: account.endpoint("ccapi")?,
            identity: account.endpoint(identity)?,
        })
    }

    /// The brand's app that signs in at the identity provider.
    ///
    /// # Errors
    ///
    /// There is none in this region. Nothing was sent.
    pub(crate) fn one_app(&self) -> Result<&'static OneApp, Failure> {
        let none = || {
            let message =
                format!("{} has no identity provider in region `{}`", self.brand.name, self.region.name);
            failure::not_sent(Phase::SignIn, &message)
        };
        self.brand.one_app.as_ref().ok_or_else(none)
    }

    /// A request of the service that `proof` is for, at `path` below it, without body.
    pub(crate) fn get(&self, path: &str, proof: Proof) -> Request {
        self.dressed(Request::get(self.url(path, proof)), proof, false)
    }

    /// The same with a JSON body.
    pub(crate) fn post(&self, path: &str, proof: Proof, body: &Value) -> Request {
        self.dressed(Request::post(self.url(path, proof)), proof, true).json(body)
    }

    /// The same that replaces.
    pub(crate) fn put(&self, path: &str, proof: Proof, body: &Value) -> Request {
        self.dressed(Request::put(self.url(path, proof)), proof, true).json(body)
    }

    /// The URL of `path` below the service that `proof` is for.
    pub(crate) fn url(&self, path: &str, proof: Proof) -> String {
        let base = if proof == Proof::Grant { self.identity } else { self.vehicles };
        format!("{base}{path}")
    }

    /// `request` with the headers of `proof`, in the order and spelling in which the vendor's app sends them.
    /// `Host`, `Connection`, `Accept-Encoding` and `Content-Length` are the host's.
    pub(crate) fn dressed(&self, mut request: Request, proof: Proof, json: bool) -> Request {
        request = request.header("User-Agent", USER_AGENT);
        request = match proof {
            Proof::Access { .. } | Proof::Pin => request.bearer(secret("access-token")),
            Proof::Control { .. } => request.bearer(secret("control-token")),
            Proof::Registration | Proof::Grant => request,
        };
        if !matches!(proof, Proof::Pin | Proof::Grant) {
            request = request
                .header("ccsp-service-id", self.brand.service_id)
                .header("ccsp-application-id", self.brand.application_id)
                .header("Stamp", stamp(self.brand, clock::now().seconds));
        }
        if let Proof::Access { protocol } | Proof::Control { protocol } = proof {
            request = request
                .header("ccsp-device-id", kept::device_id())
                .header("Ccuccs2protocolsupport", format!("{protocol}"));
        }
        match proof {
            Proof::Control { .. } => {
                request = request.header("AuthorizationCCSP", format!("Bearer {}", secret("control-token")));
            }
            Proof::Registration => {
                return request.header("Content-Type", "application/json;charset=UTF-8");
            }
            Proof::Access { .. } | Proof::Pin | Proof::Grant => {}
        }
        if json { request.header("Content-Type", "application/json") } else { request }
    }
}

/// Sends `request` once, in `phase` and with the headers of `proof`.
///
/// # Errors
///
/// No answer, or an answer that is not a success in the envelope of the service, as facts.
pub(crate) fn send(request: Request, phase: Phase, proof: Proof) -> Result<Answer, Failure> {
    let opened = envelope::open(request.send(phase)?, proof);
    if let Err(failure) = &opened
        && matches!(proof, Proof::Access { .. } | Proof::Pin)
        && matches!(failure.http_status, Some(401 | 403))
    {
        kept::token_refused();
    }
    opened
}
