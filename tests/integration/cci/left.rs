//! What the real program leaves behind of a password that was given once: nothing, wherever one looks.

use simulator::{Config as Cloud, SignInOutcome};

use super::house::{GIVEN_ONCE, House};
use crate::auth::secrecy::{bytes_of, has};
use crate::crash::kill;

#[tokio::test(flavor = "multi_thread")]
async fn the_program_leaves_the_tokens_in_its_state_and_nothing_anywhere_else() {
    let cloud = Cloud {
        password: "pass-of-the-owner".to_owned(),
        gate_keys: ["FIRST-OF-THE-KEYS", "SECOND-OF-THE-KEYS", "THIRD-OF-THE-KEYS"].map(str::to_owned),
        ..Cloud::default()
    };
    let house = House::start(cloud.clone(), GIVEN_ONCE).await;
    let (host, mut log) = house.host().await;
    let mut said = String::new();
    said += &format!("{:?}", house.login("another-password").await);
    house.control().set_sign_in_outcome(SignInOutcome::Consent);
    said += &format!("{:?}", house.login(&cloud.password).await);
    house.control().set_sign_in_outcome(SignInOutcome::Granted);
    let ran = house.run(&["auth", "answer", "home", "confirmed"]).await;
    assert_eq!(ran.code, 0, "{ran:?}");
    said += &format!("{ran:?}");
    house.control().expire_access_token();
    assert_eq!(house.run(&["refresh", "niro"]).await.code, 0);
    for arguments in
        [&["dump"][..], &["logs", "--last", "1000"], &["audit", "--json"], &["auth", "status", "--json"]]
    {
        let ran = house.run(arguments).await;
        assert_eq!(ran.code, 0, "{ran:?}");
        said += &format!("{ran:?}");
    }
    kill(host).await;
    while let Some(line) = log.recv().await {
        said += &line;
    }
    assert!(
        said.contains("a person signs in") && said.contains("token refresh finished"),
        "the log is looked at"
    );

    let of_cloud = house.control().secrets().into_iter().filter(|secret| secret.len() > 8);
    let typed = ["pass-of-the-owner", "another-password", "owner@example.org", "owner%40example.org"];
    let secrets: Vec<String> = of_cloud.chain(typed.map(str::to_owned)).collect();
    for secret in &secrets {
        assert!(!said.contains(secret), "{secret} was said: {said}");
    }
    let store = bytes_of(&house.state());
    assert!(has(&store, "non-ccs-refresh-token"), "the store is looked at");
    let keys = cloud.gate_keys.iter().map(String::as_str);
    for secret in typed.into_iter().chain(keys) {
        assert!(!has(&store, secret), "{secret} is in the store");
    }
}
