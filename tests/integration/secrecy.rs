//! Secrets and private values, none of which leaves the host.

use std::io::{self, ErrorKind};
use std::net::{IpAddr, TcpListener};
use std::sync::Arc;

use futures_util::future::BoxFuture;
use simulator::{Effect, Fault, RouteKind};
use testkit::handmade::renamed;
use testkit::log::Log;
use testkit::virtual_home::{VirtualHome, compiled};
use testkit::{CCS2, Home, LEGACY, RealHome, Recording, configuration};
use vehicle_connector::descriptor::Network;
use vehicle_connector::host::{Environment, Host, Request};
use vehicle_connector::plugin::embedded;
use vehicle_connector::primitives::HttpClient;
use vehicle_connector::primitives::transport::Lookup;
use vehicle_connector::store::{Kind, MemoryStore};
use vehicle_connector::time::SystemClock;
use vehicle_connector::wire::outcome::{Reason, State};
use vehicle_connector::wire::publish::Publish;

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_no_vin_and_no_position_leaves_the_host_where_it_should_not() {
    let log = Log::of_this_process();
    let mut defaults = simulator::Config::default();
    // With so many decimals that no time of day in the log looks like it.
    defaults.vehicles.iter_mut().for_each(|vehicle| vehicle.state.latitude = 52.520_008_3);
    let home = RealHome::with(defaults.clone()).await;
    for (slug, _) in [LEGACY, CCS2] {
        // A token of some age: one that is refused at once has not expired, and the log would say so.
        home.control().expire_access_token();
        home.clock.advance(10);
        for operation in ["refresh_cached", "lock"] {
            let report = home.command(slug, operation, "").await;
            assert_eq!(report.state, State::Succeeded, "{report:?}");
        }
    }
    home.control().refuse_grants(true);
    home.control().expire_access_token();
    home.command(LEGACY.0, "lock", "").await;

    let mut never = vec![defaults.refresh_token.clone()];
    never.extend(defaults.vehicles.iter().map(|vehicle| vehicle.vin.clone()));
    // How the simulated cloud's tokens begin.
    never.extend(["Bearer ", "access-1-", "access-2-", "control-1-"].map(str::to_owned));
    let positions: Vec<String> =
        defaults.vehicles.iter().map(|vehicle| vehicle.state.latitude.to_string()).collect();

    let log = log.text();
    assert!(log.contains("token expiry detected") && log.contains("token refresh finished"), "{log}");
    for message in home.published.messages() {
        let payload = String::from_utf8_lossy(&message.payload).into_owned();
        for secret in &never {
            assert!(!payload.contains(secret) && !message.topic.contains(secret), "{secret} in {message:?}");
        }
        let has_position = positions.iter().any(|position| payload.contains(position));
        assert!(!has_position || message.topic.ends_with("/location"), "a position in {message:?}");
    }
    let decisions = home.environment.store.list(Kind::Audit).await.unwrap();
    assert!(!decisions.is_empty());
    let decisions: String =
        decisions.iter().map(|(_, record)| String::from_utf8_lossy(record).into_owned()).collect();
    for secret in never.iter().chain(&positions) {
        assert!(!log.contains(secret), "{secret} in the log");
        assert!(!decisions.contains(secret), "{secret} in the audit trail");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redirect_carries_nothing_to_another_host() {
    let home = RealHome::start().await;
    home.settle().await;
    let elsewhere = TcpListener::bind("127.0.0.1:0").unwrap();
    elsewhere.set_nonblocking(true).unwrap();
    let place = elsewhere.local_addr().unwrap();
    let token = simulator::Config::default().refresh_token;
    for status in [302, 307] {
        let effect = Effect::Answer {
            status,
            body: String::new(),
            headers: vec![("location".to_owned(), format!("http://{place}/{token}?error={token}"))],
        };
        home.control().inject(Fault::new(RouteKind::Status, effect));
        let report = home.command(LEGACY.0, "refresh_cached", "").await;
        assert_eq!(report.state, State::Failed, "{report:?}");
        let detail = report.detail.unwrap_or_default();
        let seen =
            format!("redirected to http://{place}/{{secret:refresh-token}}?error={{secret:refresh-token}}");
        assert!(detail.contains(&seen), "{detail}");
    }
    assert_eq!(elsewhere.accept().unwrap_err().kind(), ErrorKind::WouldBlock, "somebody followed");
}

/// Every name leads home.
#[derive(Debug)]
struct LeadsHome;

impl Lookup for LeadsHome {
    fn addresses(&self, _name: String) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> {
        Box::pin(std::future::ready(Ok(vec![[10, 0, 0, 1].into()])))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cloud_whose_name_leads_home_is_not_asked_and_the_report_says_why() {
    let published = Arc::new(Recording::default());
    let client = HttpClient::with_lookup(&Network::default(), Arc::new(LeadsHome)).unwrap();
    let environment = Environment::new(
        Arc::new(MemoryStore::default()),
        Arc::new(SystemClock::start()),
        Arc::clone(&published) as Arc<dyn Publish>,
    )
    .with_transport(Arc::new(client));
    let token = simulator::Config::default().refresh_token;
    let host =
        Host::start(&configuration("https://cloud.example", &token, "1234"), environment).await.unwrap();
    let topic = format!("vehicle-connector/vehicle/{}/cmd/lock", LEGACY.0);
    host.handle(Request { topic, payload: br#"{"id":"x"}"#.to_vec(), ..Request::default() }).await;
    let topic = format!("vehicle-connector/vehicle/{}/action/x", LEGACY.0);
    let report = published
        .find(|messages| {
            let reports = messages.iter().filter(|message| message.topic == topic);
            let mut reports = reports.filter_map(|it| {
                serde_json::from_slice::<vehicle_connector::wire::report::Report>(&it.payload).ok()
            });
            reports.find(|report| report.state.is_final())
        })
        .await;
    // Nothing was sent, and it may be tried again: what a name resolves to may change.
    assert_eq!(
        (report.state, report.reason),
        (State::Rejected, Some(Reason::UpstreamUnavailable)),
        "{report:?}"
    );
    let detail = report.detail.unwrap_or_default();
    let why = "cloud.example resolves to 10.0.0.1, which is a private address; name it in [network] private_hosts if \
               that is meant";
    assert!(detail.contains(why), "{detail}");
    assert!(!detail.contains(&token), "{detail}");
    host.stop().await;
}

#[tokio::test(start_paused = true)]
async fn an_account_that_moves_to_another_connector_hands_no_session_to_it() {
    let mut home = VirtualHome::start().await;
    home.restart().await;
    assert_eq!(home.read().await.state, State::Succeeded);
    assert_eq!(home.counters().grants_asked, 0, "the session outlives a restart");

    for account in home.config.accounts.values_mut() {
        account.connector = "another-kia-eu".to_owned();
    }
    home.restart_with(&[("another-kia-eu", compiled(&renamed(embedded::HYUNDAI_KIA, "another-kia-eu")))])
        .await;
    assert_eq!(home.read().await.state, State::Succeeded);
    assert_eq!(home.counters().grants_asked, 1, "it begins with the owner's credentials");
}
