//! Regions of the cloud, and who its clients say they are there.
//!
//! Outside Europe an account signs in at the account service itself, with a password in JSON, and its access token
//! comes from there too. The vehicle service is the same, but for the differences that are asked for here.

use std::fmt;

use jiff::tz::TimeZone;

use crate::brand::{Brand, Client};

/// Where a cloud is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Region {
    /// Europe.
    #[default]
    Eu,
    /// Australia.
    Au,
    /// New Zealand, which shares Australia's servers.
    Nz,
}

const KIA_AU: Client = Client {
    service_id: "8acb778a-b918-4a8d-8624-73a0beb64289",
    client_secret: "7ScMMm6fEYXdiEPCxaPaQmgeYdlUrfwoh4AfXGOzYIS2Cu9T",
    application_id: "4ad4dcde-be23-48a8-bc1c-91b94f5c06f8",
    stamp_key: "SGGCDRvrzmRa2WTNFQPUaNfSFdtPklZ48xUuVckigYasxmeOQqVgCAC++YNrI1vVabI=",
    push_type: "GCM",
};

const KIA_NZ: Client = Client {
    service_id: "4ab606a7-cea4-48a0-a216-ed9c14a4a38c",
    client_secret: "0haFqXTkKktNKfzkxhZ0aku31i74g0yQFm5od2mz4LdI5mLY",
    application_id: "97745337-cac6-4a5b-afc3-e65ace81c994",
    stamp_key: "SGGCDRvrzmRa2WTNFQPUaC1OsnAhQgPgcQETEfbY8abEjR/ICXK0p+Rayw5tHCGyiUA=",
    push_type: "GCM",
};

const HYUNDAI_AU: Client = Client {
    service_id: "855c72df-dfd7-4230-ab03-67cbf902bb1c",
    client_secret: "e6fbwHM32YNbhQl0pviaPp3rf4t3S6k91eceA3MJLdbdThCO",
    application_id: "f9ccfdac-a48d-4c57-bd32-9116963c24ed",
    stamp_key: "nGDHng3k4Cg9gWV+C+A6Yk/ecDopUNTkGmDpr2qVKAQXx9bvY2/YLoHPfObliK32mZQ=",
    push_type: "GCM",
};

const GENESIS_AU: Client = Client {
    service_id: "c56c78de-b2c2-4831-b776-7bb6830eea97",
    client_secret: "xs5j2V7FbQyS2w0hTFADamDTHCpMy1QJHX0VD6HIORn8KPR4",
    application_id: "e4bfae6c-ba94-4226-b545-72a08d85944f",
    stamp_key: "Z31R4ngT9T1snjynGKRcSFMadGU7uBn4U7oJ4r0DyDLPvsSzf+g/m3zTq2chbyI=",
    push_type: "GCM",
};

impl Region {
    /// Who the clients of a brand say they are here; `None` where that brand is not known to have a cloud.
    pub const fn client(self, brand: Brand) -> Option<Client> {
        match (self, brand) {
            (Self::Eu, _) => Some(brand.constants().client()),
            (Self::Au, Brand::Kia) => Some(KIA_AU),
            (Self::Au, Brand::Hyundai) => Some(HYUNDAI_AU),
            (Self::Au, Brand::Genesis) => Some(GENESIS_AU),
            (Self::Nz, Brand::Kia) => Some(KIA_NZ),
            (Self::Nz, Brand::Hyundai | Brand::Genesis) => None,
        }
    }

    /// Where the account service's sign-in ends, with a code: an address of the vendor's, wherever this listens.
    pub(crate) const fn redirect_uri(self, brand: Brand) -> &'static str {
        match (self, brand) {
            (Self::Eu, _) => "",
            (_, Brand::Kia) => "https://au-apigw.ccs.kia.com.au:8082/api/v1/user/oauth2/redirect",
            (_, Brand::Hyundai) => "https://au-apigw.ccs.hyundai.com.au:8080/api/v1/user/oauth2/redirect",
            (_, Brand::Genesis) => {
                "https://au-apigw-genesis.ccs.hyundai.com.au:8081/api/v1/user/oauth2/redirect"
            }
        }
    }

    /// Whether accounts sign in at the account service, with a password in JSON.
    pub(crate) const fn signs_in_by_json(self) -> bool {
        !matches!(self, Self::Eu)
    }

    /// The clocks that times without a zone are read from. The rule in place of the time-zone database: the simulator
    /// must not depend on what is installed.
    pub(crate) fn zone(self) -> TimeZone {
        let rule = match self {
            Self::Eu => "CET-1CEST,M3.5.0,M10.5.0/3",
            Self::Au | Self::Nz => "AEST-10AEDT,M10.1.0,M4.1.0/3",
        };
        TimeZone::posix(rule).unwrap_or(TimeZone::UTC)
    }

    /// The lowest temperature that an older car's climate is set to, in °C, and the number of steps of half a degree
    /// that there are.
    pub(crate) const fn temperatures(self) -> (f64, u8) {
        match self {
            Self::Eu => (14.0, 36),
            Self::Au | Self::Nz => (17.0, 20),
        }
    }
}

impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Eu => "eu",
            Self::Au => "au",
            Self::Nz => "nz",
        })
    }
}
