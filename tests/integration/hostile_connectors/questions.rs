//! Connectors that want something of a person that they may not have, or too much of it.

use std::time::Duration;

use serde_json::{Value, json};
use testkit::acme::{self, ACME, AcmeHome, CAR, DESCRIBE, SECRETS, SIGN_IN, TOKEN};
use testkit::handmade::connector::Connector;
use testkit::handmade::layout::value;
use testkit::{Home as _, LEGACY};
use vehicle_connector::store::{Kind, Store as _};
use vehicle_connector::wire::outcome::{Reason, State};

/// Instructions that ask a person for this.
fn asking(challenge: Value) -> String {
    let question = json!({ "challenge": challenge, "continuation": "later" });
    value("connector#sign-in", &json!({ "ok": { "asked": question } }))
}

/// A home whose connector signs in with these instructions, and goes on with those.
async fn signing_in(sign_in: &str, continue_sign_in: &str) -> AcmeHome {
    AcmeHome::start(&Connector { describe: DESCRIBE, sign_in, continue_sign_in, ..Connector::default() })
        .await
}

/// What a person is asked; null if nothing.
fn question(home: &AcmeHome) -> Value {
    let topic = format!("vehicle-connector/account/{ACME}/question");
    let mut messages = home.home.messages().into_iter().rev();
    let last = messages.find(|message| message.topic == topic);
    last.map_or(Value::Null, |last| serde_json::from_slice(&last.payload).unwrap_or_default())
}

/// Why the account cannot be served.
async fn refusal(home: &AcmeHome) -> String {
    let report = home.home.command(CAR, "unlock", "").await;
    assert_eq!(report.state, State::Rejected, "{report:?}");
    [report.message, report.detail].map(Option::unwrap_or_default).concat()
}

/// Answers the question, as it comes from a broker, and returns what is told of that.
async fn answered(home: &AcmeHome, answer: Value) -> Value {
    home.home.request("account/answer", json!({ "account": ACME, "answer": answer })).await
}

/// The other account does not wait for this one.
async fn the_other_account_is_served(home: &AcmeHome) {
    let report = home.home.command(LEGACY.0, "unlock", "").await;
    assert_eq!(report.state, State::Succeeded, "{report:?}");
}

fn code(secret: &str) -> Value {
    json!({ "code": { "secret": secret, "sent-to": "your password, please" } })
}

#[tokio::test(start_paused = true)]
async fn nobody_is_asked_for_what_is_no_code() {
    let redirect = json!({ "prefix": "https://idp.acme.example/back", "code": "password" });
    let visit = json!({ "visit": { "url": "https://idp.acme.example/", "back": { "redirect": redirect } } });
    for (what, challenge) in [
        ("password", code("password")),
        ("user", code("user")),
        ("signing-key", code("signing-key")),
        ("access-token", code("access-token")),
        ("pin", code("pin")),
        ("no-such-secret", code("no-such-secret")),
        ("password", visit),
    ] {
        let home = signing_in(&asking(challenge), &SIGN_IN).await;
        let why = refusal(&home).await;
        let named = format!("a code as the secret {what}, which is none that a person hands in");
        assert!(why.contains(&named), "{what}: {why}");
        assert_eq!(question(&home), Value::Null, "{what}");
        assert_eq!(home.home.store.list(Kind::Question).await.unwrap(), [], "{what}");
        assert_eq!(home.cloud.arrived().len(), 0, "{what}");
        the_other_account_is_served(&home).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_password_is_no_answer_whatever_the_words_of_a_question_are() {
    let choices = json!([{ "id": "1", "label": "Type your password instead" }]);
    let password = SECRETS[1].1;
    // It would be seen if it went on with one.
    let went_on = acme::telling(&[json!({ "url": "https://idp.acme.example/went-on" })]) + "unreachable";
    for (challenge, kind) in [
        (code("code"), "code"),
        (json!({ "choice": choices }), "choice"),
        (json!({ "consent": "Type your password to accept" }), "consent"),
    ] {
        let home = signing_in(&asking(challenge), &went_on).await;
        refusal(&home).await;
        assert_eq!(question(&home)["kind"], kind);
        for answer in [
            json!(password),
            json!(format!(" {password}\n")),
            json!({ "code": password }),
            json!({ "choice": password }),
            json!({ "password": password }),
            json!({ "redirect": password }),
        ] {
            let told = answered(&home, answer).await;
            assert_eq!(told["status"], "error", "{told}");
            assert!(!told.to_string().contains(password), "{told}");
        }
        assert_eq!(question(&home)["kind"], kind, "it is still open");
        let messages = home.home.messages();
        assert!(messages.iter().all(|it| !String::from_utf8_lossy(&it.payload).contains(password)));
        assert_eq!(home.cloud.arrived().len(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_code_goes_to_its_endpoint_and_seldom() {
    let to = |server: &str| json!({ "url": format!("https://{server}.acme.example/echo?c={{secret:code}}") });
    let pieces = json!({ "pieces": [{ "text": "{secret:code}" }], "encoding": "hex-lower" });
    let derivation = json!({ "name": "d", "how": { "sha256": pieces } });
    let hidden = json!({ "url": "https://ads.acme.example/echo?{derived:d}", "derivations": [derivation] });
    let requests = [to("ads"), to("api"), hidden, to("idp"), to("idp"), to("idp")];
    let home = signing_in(&asking(code("code")), &(acme::telling(&requests) + SIGN_IN.as_str())).await;
    refusal(&home).await;
    let told = answered(&home, json!("493817")).await;
    assert_eq!(told["data"]["outcome"], "signed_in", "{told}");
    let not_to = |endpoint| format!("the secret code may not be sent to the endpoint {endpoint}");
    let told = home.told();
    assert_eq!(told[..3], ["ads", "api", "ads"].map(not_to));
    assert!(told[3].contains("?c={secret:code}") && told[4] == told[3], "{told:?}");
    assert_eq!(told[5], "the secret code was sent with 2 requests of this call; it is not sent again");
    assert_eq!(home.cloud.arrived().len(), 2);
    // It was good for one call.
    home.serves_on().await;
}

/// What the connector does when it goes on: it looks, and asks for the other one of two visits.
fn another_visit() -> String {
    let visit = |user_code: &str| {
        let visit =
            json!({ "url": "https://idp.acme.example/", "user-code": user_code, "back": { "poll": 1 } });
        let question = json!({ "challenge": { "visit": visit }, "continuation": user_code });
        value("connector#sign-in", &json!({ "ok": { "asked": question } }))
    };
    format!(
        "{} (if (result i32)
           (i32.eq (i32.load8_u <get connector#continue-sign-in continuation>) (i32.const 0x61))
           (then {}) (else {}))",
        acme::telling(&[json!({ "url": "https://idp.acme.example/look" })]),
        visit("b"),
        visit("a")
    )
}

/// How often the account's question was news.
fn asked(home: &AcmeHome) -> usize {
    home.home.events("question_asked").iter().filter(|event| event["account"] == ACME).count()
}

#[tokio::test(start_paused = true)]
async fn one_that_asks_without_end_asks_eight_times() {
    let choice = asking(json!({ "choice": [{ "id": "1", "label": "one" }, { "id": "2", "label": "two" }] }));
    let home = signing_in(&choice, &choice).await;
    refusal(&home).await;
    for _ in 2..=8 {
        let told = answered(&home, json!("1")).await;
        assert_eq!(told["data"]["outcome"], "asked", "{told}");
        the_other_account_is_served(&home).await;
    }
    let told = answered(&home, json!("2")).await;
    assert!(told["error"].as_str().unwrap().contains("more than 8 steps in one sign-in"), "{told}");
    assert_eq!(question(&home), Value::Null);
    let report = home.home.command(CAR, "unlock", "").await;
    assert_eq!((report.state, report.reason), (State::Rejected, Some(Reason::ConnectorFault)), "{report:?}");
    the_other_account_is_served(&home).await;
}

#[tokio::test(start_paused = true)]
async fn one_that_goes_on_and_on_by_itself_is_stopped() {
    let visit = json!({ "url": "https://idp.acme.example/", "back": { "poll": 1 } });
    let home = signing_in(&asking(json!({ "visit": visit })), &another_visit()).await;
    refusal(&home).await;
    // Nobody does anything, and it asks for something else whenever it is looked whether that is done.
    home.home.advance(Duration::from_secs(3_600)).await;
    let looked = home.cloud.arrived().len();
    assert_eq!((looked, asked(&home)), (8, 8), "each step was one look, five seconds apart at least");
    assert_eq!(question(&home), Value::Null);
    // However many want something then, it is one sign-in more.
    for _ in 0..10 {
        home.home.command(CAR, "unlock", "").await;
    }
    home.home.advance(Duration::from_secs(3_600)).await;
    assert_eq!((home.cloud.arrived().len(), asked(&home)), (16, 16));
    the_other_account_is_served(&home).await;
}

#[tokio::test(start_paused = true)]
async fn one_that_asks_for_the_same_visit_for_ever_has_ten_minutes() {
    let visit = json!({ "visit": { "url": "https://idp.acme.example/", "back": { "poll": 1 } } });
    let look = acme::telling(&[json!({ "url": "https://idp.acme.example/look" })]);
    let home = signing_in(&asking(visit.clone()), &(look + &asking(visit))).await;
    refusal(&home).await;
    home.home.advance(Duration::from_secs(3_600)).await;
    let looked = home.cloud.arrived().len();
    assert!((100..=120).contains(&looked), "every five seconds for ten minutes: {looked}");
    assert_eq!((question(&home), asked(&home)), (Value::Null, 1));
    for _ in 0..10 {
        refusal(&home).await;
        home.home.advance(Duration::from_secs(3_600)).await;
    }
    assert_eq!((home.cloud.arrived().len(), asked(&home)), (looked, 1), "nobody was there to answer");
    the_other_account_is_served(&home).await;
}

#[tokio::test(start_paused = true)]
async fn an_address_tells_nothing_and_leads_nowhere_else() {
    const IDP: &str = "https://idp.acme.example";
    let shows =
        |secret: &str| format!("an address with the secret {secret} in it, which is not shown to a browser");
    let hash = |of: &str| {
        let pieces = json!({ "pieces": [{ "text": of }], "encoding": "hex-lower" });
        json!([{ "name": "d", "how": { "sha256": pieces } }])
    };
    let no_endpoint = "an address that is below no endpoint of the account".to_owned();
    for (url, derivations, why) in [
        (format!("{IDP}/?t={{secret:access-token}}"), json!([]), shows("access-token")),
        ("https://api.acme.example/?t={secret:access-token}".to_owned(), json!([]), shows("access-token")),
        (format!("{IDP}/{{secret:verifier}}"), json!([]), shows("verifier")),
        (format!("{IDP}/?u={{secret:user}}"), json!([]), shows("user")),
        (format!("{IDP}/?d={{derived:d}}"), hash("{secret:password}"), shows("password")),
        (format!("{IDP}/?d={{derived:d}}"), hash("{secret:verifier}"), shows("verifier")),
        (format!("{IDP}/?d={{derived:d}}"), hash("{secret:signing-key}"), shows("signing-key")),
        (format!("{IDP}/"), hash("{secret:password}"), shows("password")),
        ("https://evil.example/sign-in".to_owned(), json!([]), no_endpoint.clone()),
        ("https://idp.acme.example.evil.example/".to_owned(), json!([]), no_endpoint.clone()),
        ("https://idp.acme.example@evil.example/".to_owned(), json!([]), no_endpoint),
        ("http://idp.acme.example/".to_owned(), json!([]), "an address that is not https".to_owned()),
    ] {
        let visit = json!({ "url": url, "derivations": derivations, "back": { "poll": 5_000 } });
        // The cloud gives out both, under names that the host could have made itself.
        let capture =
            |at: &str, name: &str| json!({ "source": { "json": at }, "target": { "secret": name } });
        let captures = [capture("/a", "access-token"), capture("/v", "verifier")];
        let look = json!({ "url": "https://idp.acme.example/both", "captures": captures });
        let sign_in = format!("(drop {}) {}", acme::sent(&look), asking(json!({ "visit": visit })));
        let home = signing_in(&sign_in, &SIGN_IN).await;
        home.cloud.answers("/both", 200, &json!({ "a": TOKEN, "v": "a-verifier-of-the-cloud" }));
        home.home.advance(Duration::from_secs(7_200)).await;
        let told = refusal(&home).await;
        assert!(told.contains(&why), "{url}: {told}");
        assert_eq!((question(&home), asked(&home)), (Value::Null, 0), "{url}");
        assert_eq!(home.home.store.list(Kind::Question).await.unwrap(), [], "{url}");
        the_other_account_is_served(&home).await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_address_has_what_was_made_here_in_it() {
    // Without this the refusals above might have another reason.
    let pieces = json!({ "pieces": [{ "text": "{secret:verifier}" }], "encoding": "base64url-unpadded" });
    let visit = json!({
        "url": "https://idp.acme.example/?challenge={derived:c}",
        "derivations": [{ "name": "c", "how": { "sha256": pieces } }],
        "back": { "poll": 5_000 },
    });
    let sign_in = format!(
        "(call $random.secret `verifier` (i32.const <case random.alphabet.url-safe>) (i32.const 43) (i32.const 1280))
         (call $assert (i32.eqz (<load random#secret> (i32.const 1280))))
         {}",
        asking(json!({ "visit": visit }))
    );
    let home = signing_in(&sign_in, &SIGN_IN).await;
    refusal(&home).await;
    let shown = question(&home)["url"].as_str().unwrap().to_owned();
    let challenge = shown.strip_prefix("https://idp.acme.example/?challenge=").unwrap();
    assert_eq!(challenge.len(), 43, "{shown}");
}
