//! What a sign-in by password leaves behind: nothing but the session's cell.

use simulator::{Config as Cloud, SignInOutcome};
use testkit::log::Log;
use testkit::{CCS2, Home, LEGACY};
use vehicle_connector::store::{Kind, Store};
use vehicle_connector::wire::outcome::State;

use super::home;

/// The secrets in the session's cell.
async fn secrets_of(store: &dyn Store) -> Vec<String> {
    let stored = store.load(Kind::Cell, "home/session").await.unwrap().unwrap();
    let cell: serde_json::Value = serde_json::from_slice(&stored).unwrap();
    let secrets = cell["secrets"].as_object().unwrap().values();
    secrets.map(|secret| secret.as_str().unwrap().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn no_password_key_token_cookie_or_code_is_anywhere_else() {
    let log = Log::of_this_process();
    let cloud = Cloud { exchangeable_in_cookie: true, ..testkit::patient_cloud() };
    let home = home(cloud.clone(), |_| {}).await;
    let store = home.environment.store.as_ref();
    let mut never = secrets_of(store).await;
    assert!(never.len() >= 9, "eight tokens and the code, and {}", never.len());
    // The next set, another sign-in, and one that is refused.
    home.clock.advance(3_600);
    assert_eq!(home.command(CCS2.0, "lock", "").await.state, State::Succeeded);
    never.extend(secrets_of(store).await);
    home.control().end_sessions();
    home.clock.advance(3_600);
    assert_eq!(home.command(LEGACY.0, "refresh_cached", "").await.state, State::Succeeded);
    never.extend(secrets_of(store).await);
    home.control().end_sessions();
    home.control().expire_access_token();
    home.control().set_sign_in_outcome(SignInOutcome::Refused);
    home.clock.advance(3_600);
    home.command(LEGACY.0, "refresh_cached", "").await;

    never.extend([cloud.gate_keys.concat(), cloud.password.clone(), "JSESSIONID=".to_owned()]);
    let log = log.text();
    assert!(log.contains("sign-in finished") && log.contains("token refresh finished"), "{log}");
    let mut texts = vec![("the log", log)];
    texts.extend(home.messages().into_iter().map(|message| {
        ("a message", format!("{} {}", message.topic, String::from_utf8_lossy(&message.payload)))
    }));
    for kind in [Kind::Audit, Kind::Latch, Kind::Credentials] {
        let records = home.environment.store.list(kind).await.unwrap();
        let text = records.into_iter().map(|(_, record)| String::from_utf8_lossy(&record).into_owned());
        texts.push(("the store", text.collect()));
    }
    for (place, text) in texts {
        for secret in &never {
            assert!(!text.contains(secret.as_str()), "a secret in {place}: {text}");
        }
    }
}
