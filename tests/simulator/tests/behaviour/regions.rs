//! The sign-in at the account service of other regions, and everything that can be wrong with it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use simulator::{Brand, Config, Region, Simulator};

use crate::client::{FORM, Headers, Reply, headers, send};

const REDIRECT: &str = "https://au-apigw.ccs.kia.com.au:8082/api/v1/user/oauth2/redirect";

/// A cloud, and what a client of it knows.
struct Account {
    cloud: Simulator,
    config: Config,
    cookies: String,
}

impl Account {
    async fn of(region: Region) -> Self {
        let config = Config::of(region, Brand::Kia);
        let cloud = Simulator::start(config.clone()).await.unwrap();
        Self { cloud, config, cookies: String::new() }
    }

    async fn raw(&self, method: &str, path: &str, head: &Headers, body: &str) -> Reply {
        send(&self.cloud.base_url(), method, path, head, body).await.unwrap()
    }

    /// The page, whose cookies are kept.
    async fn page(&mut self, redirect: &str) -> Reply {
        let id = self.config.client().service_id;
        let path = format!(
            "/api/v1/user/oauth2/authorize?response_type=code&client_id={id}&redirect_uri={redirect}&lang=en"
        );
        let reply = self.raw("GET", &path, &Vec::new(), "").await;
        let cookies = reply.headers.iter().filter(|(name, _)| name == "set-cookie");
        let pairs: Vec<&str> = cookies.map(|(_, value)| value.split(';').next().unwrap()).collect();
        self.cookies = pairs.join("; ");
        reply
    }

    async fn password(&self, body: &str) -> Reply {
        let head = headers(&[("Content-Type", "application/json"), ("Cookie", &self.cookies)]);
        self.raw("POST", "/api/v1/user/signin", &head, body).await
    }

    async fn code(&mut self) -> String {
        self.page(REDIRECT).await;
        let reply = self.password(&self.right()).await.json();
        let leads = reply["redirectUrl"].as_str().unwrap();
        let code = leads.strip_prefix(REDIRECT).and_then(|query| query.strip_prefix("?code="));
        code.unwrap().split('&').next().unwrap().to_owned()
    }

    fn right(&self) -> String {
        format!(r#"{{"email":"{}","password":"{}"}}"#, self.config.username, self.config.password)
    }

    fn basic(&self, secret: &str) -> String {
        let client = self.config.client();
        format!("Basic {}", STANDARD.encode(format!("{}:{secret}", client.service_id)))
    }

    async fn token(&self, basic: &str, stamp: &str, form: &str) -> Reply {
        let head = headers(&[("Authorization", basic), ("Stamp", stamp), ("Content-Type", FORM)]);
        self.raw("POST", "/api/v1/user/oauth2/token", &head, form).await
    }

    /// Asks for a token as the app does.
    async fn grant(&self, form: &str) -> Reply {
        let client = self.config.client();
        let stamp = client.stamp(jiff::Timestamp::now().as_second());
        self.token(&self.basic(client.client_secret), &stamp, form).await
    }

    fn of_code(code: &str) -> String {
        format!("grant_type=authorization_code&redirect_uri={REDIRECT}&code={code}")
    }
}

fn said(reply: &Reply) -> (u16, String) {
    (reply.status, reply.json()["errCode"].as_str().unwrap_or_default().to_owned())
}

fn says(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}

#[tokio::test]
async fn a_code_is_good_once_and_its_refresh_token_again_and_again() {
    for region in [Region::Au, Region::Nz] {
        let mut account = Account::of(region).await;
        let code = account.code().await;
        let reply = account.grant(&Account::of_code(&code)).await.json();
        assert_eq!((&reply["token_type"], &reply["expires_in"]), (&"Bearer".into(), &21_600.into()));
        let form =
            format!("grant_type=refresh_token&refresh_token={}", reply["refresh_token"].as_str().unwrap());
        for _ in 0..2 {
            let next = account.grant(&form).await.json();
            assert_ne!(next["access_token"], reply["access_token"]);
            assert!(next.get("refresh_token").is_none());
        }
        assert_eq!(said(&account.grant(&Account::of_code(&code)).await), says(400, "4002"));
        let counters = account.cloud.control().counters();
        assert_eq!((counters.sign_ins, counters.code_exchanges, counters.grants), (1, 1, 2));
    }
}

#[tokio::test]
async fn a_sign_in_that_is_not_as_the_app_makes_it_is_refused() {
    let mut account = Account::of(Region::Au).await;
    assert_eq!(said(&account.page("https://elsewhere.example/").await), says(400, "4003"));
    assert_eq!(said(&account.password(&account.right()).await), says(401, "4010"), "without the cookies");
    account.page(REDIRECT).await;
    let wrong = account.right().replace("battery", "staple");
    assert_eq!(said(&account.password(&wrong).await), says(400, "4003"));
    let more = account.right().replace('}', r#","remember":true}"#);
    assert_eq!(said(&account.password(&more).await), says(400, "4002"));
    assert_eq!(account.cloud.control().counters().sign_ins, 0);
    assert_eq!(account.password(&account.right()).await.status, 200);
}

#[tokio::test]
async fn a_token_wants_its_client_its_stamp_and_its_fields() {
    let mut account = Account::of(Region::Au).await;
    let form = Account::of_code(&account.code().await);
    let client = account.config.client();
    let now = jiff::Timestamp::now().as_second();
    let (right, stamp) = (account.basic(client.client_secret), client.stamp(now));
    assert_eq!(said(&account.token(&account.basic("another"), &stamp, &form).await), says(401, "4010"));
    for stamp in ["", &Brand::Kia.stamp(now), &client.stamp(now - 90)] {
        assert_eq!(account.token(&right, stamp, &form).await.code(), says(401, "4017"));
    }
    for (field, other) in [("authorization_code", "password"), ("redirect_uri", "redirect_url")] {
        let other = form.replace(field, other);
        assert_eq!(said(&account.token(&right, &stamp, &other).await), says(400, "4002"));
    }
    assert_eq!(account.token(&right, &stamp, &form).await.status, 200);
}

#[tokio::test]
async fn no_region_has_the_places_of_another_one() {
    for (region, path) in [
        (Region::Eu, "/api/v1/user/signin"),
        (Region::Eu, "/api/v1/user/oauth2/token"),
        (Region::Au, "/auth/account/signin"),
        (Region::Au, "/auth/api/v2/user/oauth2/token"),
        (Region::Nz, "/auth/v1/token"),
    ] {
        let account = Account::of(region).await;
        assert_eq!(account.raw("POST", path, &Vec::new(), "").await.status, 404, "{region} {path}");
    }
}
