//! What a sign-in by password leaves behind: nothing but what is in cells.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use parking_lot::Mutex;
use serde_json::{Value, json};
use simulator::{Config as Cloud, SignInOutcome};
use testkit::log::Log;
use testkit::virtual_home::VirtualHome;
use testkit::{CCS2, Home, LEGACY, password};
use vehicle_connector::primitives::Tap;
use vehicle_connector::store::{Kind, Record, Store, StoreError, Write};
use vehicle_connector::wire::outcome::State;

use super::{home, unset};

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

/// What guests were given, and what was ever written into the store, by kind and key.
#[derive(Debug, Default)]
struct Seen {
    given: Mutex<Vec<String>>,
    written: Mutex<Vec<(Kind, String, String)>>,
}

impl Tap for Seen {
    fn given(&self, what: &'static str, value: &dyn fmt::Debug) {
        self.given.lock().push(format!("{what}: {value:?}"));
    }
}

/// A store that is watched.
#[derive(Debug)]
struct Watched {
    store: Arc<dyn Store>,
    seen: Arc<Seen>,
}

impl Store for Watched {
    fn load<'a>(&'a self, kind: Kind, key: &'a str) -> BoxFuture<'a, Result<Option<Vec<u8>>, StoreError>> {
        self.store.load(kind, key)
    }

    fn list(&self, kind: Kind) -> BoxFuture<'_, Result<Vec<Record>, StoreError>> {
        self.store.list(kind)
    }

    fn commit(&self, writes: Vec<Write>) -> BoxFuture<'static, Result<(), StoreError>> {
        let text = |write: &Write| {
            let value = write.value.as_deref().unwrap_or_default();
            (write.kind, write.key.clone(), String::from_utf8_lossy(value).into_owned())
        };
        self.seen.written.lock().extend(writes.iter().map(text));
        self.store.commit(writes)
    }
}

/// A cloud whose secrets are no words of anybody else.
fn distinct() -> Cloud {
    Cloud {
        password: "pass-of-the-owner & more+".to_owned(),
        gate_keys: ["FIRST-OF-THE-KEYS", "SECOND-OF-THE-KEYS", "THIRD-OF-THE-KEYS"].map(str::to_owned),
        exchangeable_in_cookie: true,
        ..Cloud::default()
    }
}

/// A home whose account has the keys of the gate and nothing to sign in with.
async fn watched(cloud: &Cloud, seen: &Arc<Seen>) -> VirtualHome {
    let signs_in = password::signs_in(cloud);
    let alone = |config: &mut vehicle_connector::config::Config| {
        signs_in(config);
        unset(config, "username");
        unset(config, "password");
    };
    let other = |mut environment: vehicle_connector::host::Environment| {
        environment.store = Arc::new(Watched { store: environment.store, seen: Arc::clone(seen) });
        environment.with_tap(Arc::clone(seen) as Arc<dyn Tap>)
    };
    VirtualHome::on(cloud.clone(), alone, other).await
}

async fn login(home: &VirtualHome, username: &str, password: &str) -> Value {
    let given = json!({"account": "home", "username": username, "password": password});
    home.host.request("account/login", given.to_string().as_bytes(), "test").await
}

/// The forms in which a secret may stand somewhere.
fn forms(secret: &str) -> Vec<String> {
    let json = Value::from(secret).to_string();
    let form: String = url::form_urlencoded::byte_serialize(secret.as_bytes()).collect();
    let mut forms =
        vec![secret.to_owned(), json.trim_matches('"').to_owned(), form.replace('+', "%20"), form];
    forms.dedup();
    forms
}

fn never(texts: &[(String, String)], secrets: &[String]) {
    for (place, text) in texts {
        for secret in secrets.iter().flat_map(|secret| forms(secret)) {
            assert!(!text.contains(&secret), "{secret} is in {place}: {text}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_password_given_once_the_seven_and_the_keys_are_in_no_guest_and_in_no_record_but_cells() {
    let (log, seen, cloud) = (Log::of_this_process(), Arc::new(Seen::default()), distinct());
    let home = watched(&cloud, &seen).await;
    let wrong = "another-password-of-the-owner";
    let mut said = vec![login(&home, &cloud.username, wrong).await];

    // Terms are accepted in the middle; then a command, refreshes, an exchange, and the end of the session.
    home.control.set_sign_in_outcome(SignInOutcome::Consent);
    said.push(login(&home, &cloud.username, &cloud.password).await);
    home.control.set_sign_in_outcome(SignInOutcome::Granted);
    home.deliver("account/home/answer/set", "confirmed").await;
    home.published().until(|| home.events("question_ended").pop()).await;
    assert_eq!(home.command(CCS2.0, "lock", "").await.state, State::Succeeded);
    let load = home.reads(Duration::from_secs(1_500), Duration::from_secs(24 * 3_600)).await;
    assert!(load.failed().is_empty(), "{:?}", load.failed().first());
    home.control.end_sessions();
    home.control.expire_access_token();
    assert_ne!(home.read().await.state, State::Succeeded);
    said.push(login(&home, &cloud.username, &cloud.password).await);
    // And once more without a signature, whose tokens stand in headers.
    home.control.set_gate_keys(["NEW", "KEYS", "TODAY"].map(str::to_owned));
    home.control.expire_access_token();
    assert_eq!(home.read().await.state, State::Succeeded);
    let counters = home.counters();
    assert!(counters.refreshes > 15 && counters.token_exchanges > 2 && counters.unsigned > 0, "{counters:?}");

    let given_once = [cloud.password.clone(), wrong.to_owned(), cloud.username.clone()];
    let of_cloud = home.control.secrets().into_iter().filter(|secret| secret.len() > 8);
    let secrets: Vec<String> = of_cloud.chain(given_once.clone()).collect();
    assert!(secrets.len() > 150, "{} secrets", secrets.len());

    let mut texts = vec![("the log".to_owned(), log.text())];
    texts.extend(said.iter().map(|answer| ("an answer".to_owned(), answer.to_string())));
    texts.extend(home.messages().into_iter().map(|message| {
        let payload = String::from_utf8_lossy(&message.payload).into_owned();
        ("a message".to_owned(), format!("{} {payload}", message.topic))
    }));
    assert!(home.store.list(Kind::Question).await.unwrap().is_empty(), "the question is gone");
    let given = seen.given.lock();
    assert!(given.len() > 500, "guests were given {} values", given.len());
    texts.extend(given.iter().map(|value| ("a guest".to_owned(), value.clone())));
    // Cells are where tokens are kept; the question that was open had the cookies of its sign-in, and is gone.
    let written = seen.written.lock();
    let is_named = |kind: Kind| matches!(kind, Kind::Cell | Kind::Question);
    let others = written.iter().filter(|(kind, ..)| !is_named(*kind));
    texts.extend(others.map(|(kind, key, value)| (format!("{kind:?} {key}"), value.clone())));
    never(&texts, &secrets);

    // Of what a person has given, and of the keys, nothing is even there. The password travels sealed, which is a secret
    // as well.
    let named = written.iter().filter(|(kind, ..)| is_named(*kind));
    let named: Vec<_> = named.map(|(kind, key, value)| (format!("{kind:?} {key}"), value.clone())).collect();
    assert!(
        named.iter().any(|(_, value)| value.contains("non-ccs-refresh-token")),
        "the session is looked at"
    );
    never(&named, &[&given_once[..], &cloud.gate_keys[..], &[cloud.gate_keys.concat()]].concat());
    for (place, text) in texts.iter().chain(&named) {
        let sealed = text.split(|c: char| !c.is_ascii_hexdigit()).find(|word| word.len() >= 512);
        assert_eq!(sealed, None, "a sealed password is in {place}");
    }
}
