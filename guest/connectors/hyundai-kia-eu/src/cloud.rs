//! URLs, headers and sending.

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use serde_json::Value;

use crate::bindings::exports::vehicle::connector::connector::Account;
use crate::bindings::vehicle::connector::types::{BodyKind, Certainty, Failure, Phase, Transport};
use crate::brand::Brand;
use crate::envelope;
use crate::port::{self, Body, Capture, CaptureSource, CaptureTarget, Method, Request};
use crate::stamp::stamp;

/// The version of the vehicle service without the PIN.
pub(crate) const SPA: &str = "/api/v1/spa";

/// The version of the vehicle service that wants the PIN's permission.
pub(crate) const SPA2: &str = "/api/v2/spa";

/// The account service.
pub(crate) const USER: &str = "/api/v1/user";

const USER_AGENT: &str = "okhttp/3.12.0";
const ACCESS_TOKEN: &str = "Bearer {secret:access-token}";
const CONTROL_TOKEN: &str = "Bearer {secret:control-token}";

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
    /// The identity provider, where the body proves it.
    Grant,
}

/// One request before it has a URL and headers.
#[derive(Debug)]
pub(crate) struct Call {
    /// Which step this is, for the facts of a failure.
    pub phase: Phase,
    /// The method.
    pub method: Method,
    /// The path below the service.
    pub path: String,
    /// The headers.
    pub proof: Proof,
    /// The body.
    pub body: Body,
    /// What to take out of the answer.
    pub captures: Vec<Capture>,
    /// How long to wait, in milliseconds; none is the host's default.
    pub timeout: Option<u64>,
    /// Whether the vehicle may act.
    pub acts: bool,
}

impl Call {
    /// A read of the vehicle service.
    pub(crate) fn get(phase: Phase, path: String, protocol: u64) -> Self {
        Self {
            phase,
            method: Method::Get,
            path,
            proof: Proof::Access { protocol },
            body: Body::Empty,
            captures: Vec::new(),
            timeout: None,
            acts: false,
        }
    }

    /// With private data at these places of the answer.
    pub(crate) fn hiding(mut self, pointers: &[&str]) -> Self {
        self.captures.extend(pointers.iter().map(|pointer| Capture {
            source: CaptureSource::Json((*pointer).to_owned()),
            target: CaptureTarget::Private,
        }));
        self
    }

    /// With a longer wait, in milliseconds.
    pub(crate) fn waiting(mut self, timeout: u64) -> Self {
        self.timeout = Some(timeout);
        self
    }
}

/// A capture of the secret `name` from the JSON answer.
pub(crate) fn secret(pointer: &str, name: &str) -> Capture {
    Capture {
        source: CaptureSource::Json(pointer.to_owned()),
        target: CaptureTarget::Secret(name.to_owned()),
    }
}

/// One account's view of the cloud.
#[derive(Debug)]
pub(crate) struct Cloud<'a> {
    /// The account.
    pub account: &'a Account,
    /// Its brand.
    pub brand: &'static Brand,
    vehicles: &'a str,
    identity: &'a str,
}

impl<'a> Cloud<'a> {
    /// The cloud of `account`.
    ///
    /// # Errors
    ///
    /// The brand is not in the table, or the endpoints `ccapi` and `idp` are not configured. Nothing was sent.
    pub(crate) fn of(account: &'a Account) -> Result<Self, Failure> {
        let endpoint = |name: &str| {
            let endpoint = account.endpoints.iter().find(|endpoint| endpoint.name == name);
            endpoint
                .map(|endpoint| endpoint.url.trim_end_matches('/'))
                .ok_or_else(|| not_sent(Phase::Unknown, format!("no endpoint `{name}` is configured")))
        };
        let brand = Brand::named(&account.brand)
            .ok_or_else(|| not_sent(Phase::Unknown, format!("unknown brand `{}`", account.brand)))?;
        Ok(Self { account, brand, vehicles: endpoint("ccapi")?, identity: endpoint("idp")? })
    }

    /// An option of the configuration.
    pub(crate) fn option(&self, name: &str) -> Option<&str> {
        let option = self.account.options.iter().find(|(key, _)| key == name);
        option.map(|(_, value)| value.as_str())
    }

    /// Makes `call` once.
    ///
    /// # Errors
    ///
    /// No answer, or an answer that is not a success in the envelope of the service, as facts.
    pub(crate) fn make(&self, call: Call) -> Result<Value, Failure> {
        let base = if call.proof == Proof::Grant { self.identity } else { self.vehicles };
        let request = Request {
            method: call.method,
            url: format!("{base}{}", call.path),
            headers: self.headers(call.proof, matches!(call.body, Body::Json(_))),
            body: call.body,
            captures: call.captures,
            timeout: call.timeout,
            acts_on_vehicle: call.acts,
        };
        let step = envelope::Step { phase: call.phase, proof: call.proof, acts: call.acts };
        match port::send(&request) {
            Ok(response) => envelope::open(&response, step, || port::now().seconds),
            Err(error) => Err(envelope::no_answer(error, step)),
        }
    }

    /// The headers in the order and spelling in which the vendor's app sends them. `Host`, `Connection`,
    /// `Accept-Encoding` and `Content-Length` are the host's.
    fn headers(&self, proof: Proof, json: bool) -> Vec<(String, String)> {
        let mut headers = Vec::new();
        let mut put = |name: &str, value: &str| headers.push((name.to_owned(), value.to_owned()));
        put("User-Agent", USER_AGENT);
        match proof {
            Proof::Access { .. } | Proof::Pin => put("Authorization", ACCESS_TOKEN),
            Proof::Control { .. } => put("Authorization", CONTROL_TOKEN),
            Proof::Registration | Proof::Grant => {}
        }
        if !matches!(proof, Proof::Pin | Proof::Grant) {
            put("ccsp-service-id", self.brand.service_id);
            put("ccsp-application-id", self.brand.application_id);
            put("Stamp", &stamp(self.brand, port::now().seconds));
        }
        if let Proof::Access { protocol } | Proof::Control { protocol } = proof {
            put("ccsp-device-id", "{secret:device-id}");
            put("Ccuccs2protocolsupport", &format!("{protocol}"));
        }
        match proof {
            Proof::Control { .. } => put("AuthorizationCCSP", CONTROL_TOKEN),
            Proof::Registration => put("Content-Type", "application/json;charset=UTF-8"),
            Proof::Access { .. } | Proof::Pin | Proof::Grant => {}
        }
        if json && proof != Proof::Registration {
            put("Content-Type", "application/json");
        }
        headers
    }
}

/// A failure of this connector's own, before anything was sent.
pub(crate) fn not_sent(phase: Phase, message: String) -> Failure {
    Failure {
        phase,
        certainty: Certainty::NotSent,
        transport: Some(Transport::Denied),
        http_status: None,
        code: None,
        sub_code: None,
        oauth_error: None,
        retry_after: None,
        message,
        body: BodyKind::None,
    }
}
