//! The constants of the brands, in each region.
//!
//! Interoperability constants of the vendors' apps. They change with app releases, which is why they are
//! data.

/// A brand's identity towards the cloud of a region.
#[derive(Debug)]
pub(crate) struct Brand {
    /// As in the configuration.
    pub name: &'static str,
    /// The region, as in the configuration.
    pub region: &'static str,
    /// The service id, which is also the OAuth client id.
    pub service_id: &'static str,
    /// The application id.
    pub application_id: &'static str,
    /// The OAuth client secret. It is the same in every copy of the app, so it is no secret.
    pub client_secret: &'static str,
    /// The key of the stamp, base64.
    pub stamp_key: &'static str,
    /// The kind of push service that a registered device claims to use.
    pub push_type: &'static str,
    /// Where a sign-in at the account service ends. Empty where accounts sign in elsewhere.
    pub redirect_uri: &'static str,
    /// The app that signs in by password at the identity provider. None where there is no such.
    pub one_app: Option<OneApp>,
}

/// A brand's app of 2026, which signs in by password and has the token service's tokens.
#[derive(Debug)]
pub(crate) struct OneApp {
    /// The OAuth client id.
    pub client_id: &'static str,
    /// Where a sign-in ends.
    pub redirect_uri: &'static str,
    /// The package.
    pub package: &'static str,
    /// Its name in calls that are signed, and in `X-Brand`. None where nobody has keys to sign with.
    pub signed: Option<Signed>,
    /// Who it says it is in calls that are not signed.
    pub unsigned: Unsigned,
}

/// The part of the identity in signed calls that no setting has.
#[derive(Debug)]
pub(crate) struct Signed {
    /// `client-name`.
    pub client_name: &'static str,
    /// `X-Brand`.
    pub brand: &'static str,
}

/// The part of the identity in calls without a signature that differs by brand.
#[derive(Debug)]
pub(crate) struct Unsigned {
    /// `client-name`.
    pub client_name: &'static str,
    /// `client-os-version`.
    pub os_version: &'static str,
    /// `client-notification-provider-type`.
    pub notification_provider: &'static str,
}

static BRANDS: &[Brand] = &[
    Brand {
        name: "kia",
        region: "eu",
        service_id: "fdc85c00-0a2f-4c64-bcb4-2cfb1500730a",
        application_id: "a2b8469b-30a3-4361-8e13-6fceea8fbe74",
        client_secret: "secret",
        stamp_key: "wLTVxwidmH8CfJYBWSnHD6E0huk0ozdiuygB4hLkM5XCgzAL1Dk5sE36d/bx5PFMbZs=",
        push_type: "APNS",
        redirect_uri: "",
        one_app: Some(OneApp {
            client_id: "01b36c86-79e8-486c-8009-15f2ad88d670",
            redirect_uri: "https://oneapp.kia.com/redirect",
            package: "com.kia.oneapp.eu",
            signed: Some(Signed { client_name: "KiaEU", brand: "Kia" }),
            unsigned: Unsigned {
                client_name: "kia",
                os_version: "27",
                notification_provider: "IOS_APPSTORE",
            },
        }),
    },
    Brand {
        name: "hyundai",
        region: "eu",
        service_id: "6d477c38-3ca4-4cf3-9557-2a1929a94654",
        application_id: "014d2225-8495-4735-812d-2616334fd15d",
        client_secret: "KUy49XxPzLpLuoK0xhBC77W6VXhmtQR9iQhmIFjjoY4IpxsV",
        stamp_key: "RFtoRq/vDXJmRndoZaZQyfOot7OrIqGVFj96iY2WL3yyH5Z/pUvlUhqmCxD2t+D65SQ=",
        push_type: "GCM",
        redirect_uri: "",
        one_app: Some(OneApp {
            client_id: "4f4953b5-02e1-4dbc-8599-87e983ee1be5",
            redirect_uri: "https://oneapp.hyundai.com/redirect",
            package: "com.hyundai.oneapp.eu",
            signed: Some(Signed { client_name: "HyundaiEU", brand: "Hyundai" }),
            unsigned: Unsigned { client_name: "hyundai", os_version: "18.7", notification_provider: "APNS" },
        }),
    },
    Brand {
        name: "genesis",
        region: "eu",
        service_id: "3020afa2-30ff-412a-aa51-d28fbe901e10",
        application_id: "f11f2b86-e0e7-4851-90df-5600b01d8b70",
        client_secret: "FKDdlef2ffdleFEweELFKERiLER2FED21sDdwdgQz6hFESE3",
        stamp_key: "RFtoRq/vDXJmRndoZaZQyYo3/qFLtVReW8P7utRPcc0ZxOzOELm9mexvviBk/qqIp4A=",
        push_type: "GCM",
        redirect_uri: "",
        one_app: Some(OneApp {
            client_id: "50e3b8b0-ced5-43b7-8a42-f86ac92fe50e",
            redirect_uri: "https://oneapp.genesis.com/redirect",
            package: "com.genesis.oneapp.eu",
            signed: None,
            unsigned: Unsigned { client_name: "genesis", os_version: "18.7", notification_provider: "APNS" },
        }),
    },
    Brand {
        name: "hyundai",
        region: "au",
        service_id: "855c72df-dfd7-4230-ab03-67cbf902bb1c",
        application_id: "f9ccfdac-a48d-4c57-bd32-9116963c24ed",
        client_secret: "e6fbwHM32YNbhQl0pviaPp3rf4t3S6k91eceA3MJLdbdThCO",
        stamp_key: "nGDHng3k4Cg9gWV+C+A6Yk/ecDopUNTkGmDpr2qVKAQXx9bvY2/YLoHPfObliK32mZQ=",
        push_type: "GCM",
        redirect_uri: "https://au-apigw.ccs.hyundai.com.au:8080/api/v1/user/oauth2/redirect",
        one_app: None,
    },
    Brand {
        name: "kia",
        region: "au",
        service_id: "8acb778a-b918-4a8d-8624-73a0beb64289",
        application_id: "4ad4dcde-be23-48a8-bc1c-91b94f5c06f8",
        client_secret: "7ScMMm6fEYXdiEPCxaPaQmgeYdlUrfwoh4AfXGOzYIS2Cu9T",
        stamp_key: "SGGCDRvrzmRa2WTNFQPUaNfSFdtPklZ48xUuVckigYasxmeOQqVgCAC++YNrI1vVabI=",
        push_type: "GCM",
        redirect_uri: "https://au-apigw.ccs.kia.com.au:8082/api/v1/user/oauth2/redirect",
        one_app: None,
    },
    Brand {
        name: "genesis",
        region: "au",
        service_id: "c56c78de-b2c2-4831-b776-7bb6830eea97",
        application_id: "e4bfae6c-ba94-4226-b545-72a08d85944f",
        client_secret: "xs5j2V7FbQyS2w0hTFADamDTHCpMy1QJHX0VD6HIORn8KPR4",
        stamp_key: "Z31R4ngT9T1snjynGKRcSFMadGU7uBn4U7oJ4r0DyDLPvsSzf+g/m3zTq2chbyI=",
        push_type: "GCM",
        redirect_uri: "https://au-apigw-genesis.ccs.hyundai.com.au:8081/api/v1/user/oauth2/redirect",
        one_app: None,
    },
    Brand {
        name: "kia",
        region: "nz",
        service_id: "4ab606a7-cea4-48a0-a216-ed9c14a4a38c",
        application_id: "97745337-cac6-4a5b-afc3-e65ace81c994",
        client_secret: "0haFqXTkKktNKfzkxhZ0aku31i74g0yQFm5od2mz4LdI5mLY",
        stamp_key: "SGGCDRvrzmRa2WTNFQPUaC1OsnAhQgPgcQETEfbY8abEjR/ICXK0p+Rayw5tHCGyiUA=",
        push_type: "GCM",
        redirect_uri: "https://au-apigw.ccs.kia.com.au:8082/api/v1/user/oauth2/redirect",
        one_app: None,
    },
];

impl Brand {
    /// The brand that the configuration calls `name`, in any case, as it is in a region.
    pub(crate) fn named(name: &str, region: &str) -> Option<&'static Self> {
        BRANDS.iter().find(|brand| brand.name.eq_ignore_ascii_case(name) && brand.region == region)
    }
}
