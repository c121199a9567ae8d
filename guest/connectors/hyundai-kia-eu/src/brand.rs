//! The constants of the brands.
//!
//! Interoperability constants of the vendors' apps. They change with app releases, which is why they are
//! data.

/// A brand's identity towards the cloud.
#[derive(Debug)]
pub(crate) struct Brand {
    /// As in the configuration.
    pub name: &'static str,
    /// The service id, which is also the OAuth client id of the refresh grant.
    pub service_id: &'static str,
    /// The application id.
    pub application_id: &'static str,
    /// The OAuth client secret. It is the same in every copy of the app, so it is no secret.
    pub client_secret: &'static str,
    /// The key of the stamp, base64.
    pub stamp_key: &'static str,
    /// The kind of push service that a registered device claims to use.
    pub push_type: &'static str,
}

static BRANDS: &[Brand] = &[
    Brand {
        name: "kia",
        service_id: "fdc85c00-0a2f-4c64-bcb4-2cfb1500730a",
        application_id: "a2b8469b-30a3-4361-8e13-6fceea8fbe74",
        client_secret: "secret",
        stamp_key: "wLTVxwidmH8CfJYBWSnHD6E0huk0ozdiuygB4hLkM5XCgzAL1Dk5sE36d/bx5PFMbZs=",
        push_type: "APNS",
    },
    Brand {
        name: "hyundai",
        service_id: "6d477c38-3ca4-4cf3-9557-2a1929a94654",
        application_id: "014d2225-8495-4735-812d-2616334fd15d",
        client_secret: "KUy49XxPzLpLuoK0xhBC77W6VXhmtQR9iQhmIFjjoY4IpxsV",
        stamp_key: "RFtoRq/vDXJmRndoZaZQyfOot7OrIqGVFj96iY2WL3yyH5Z/pUvlUhqmCxD2t+D65SQ=",
        push_type: "GCM",
    },
];

impl Brand {
    /// The brand that the configuration calls `name`, in any case.
    pub(crate) fn named(name: &str) -> Option<&'static Self> {
        BRANDS.iter().find(|brand| brand.name.eq_ignore_ascii_case(name))
    }
}
