//! A password that was given once is where it was sent to, and nowhere else.

use std::path::Path;

use renault_simulator::Config;

use super::house::{House, NAME, PASSWORD, WRONG};
use crate::crash::kill;

/// Everything that the files below a directory have in them.
pub(crate) fn bytes_of(directory: &Path) -> Vec<u8> {
    let files = walkdir::WalkDir::new(directory).into_iter().map(Result::unwrap);
    let files = files.filter(|entry| entry.file_type().is_file());
    files.flat_map(|entry| std::fs::read(entry.path()).unwrap()).collect()
}

pub(crate) fn has(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_that_was_given_once_is_found_nowhere() {
    let house = House::with(Config { second_factor: true, ..Config::default() }, "").await;
    let (host, mut log) = house.host().await;
    let mut said = String::new();
    for password in [WRONG, PASSWORD] {
        let ran = house.login(password).await;
        said += &format!("{ran:?}");
    }
    for answer in ["mailbox-1", PASSWORD, "000000"] {
        let ran = house.run_with(&["auth", "answer", "home"], answer).await;
        said += &format!("{ran:?}");
    }
    // A memory dump of the processes of this test would need more rights than it has; what they leave behind does not.
    let dump = house.run(&["dump"]).await;
    assert_eq!(dump.code, 0, "{dump:?}");
    let code = house.control().mails().pop().unwrap().code;
    assert_eq!(house.run(&["auth", "otp", "home", &code]).await.code, 0);
    house.account_is("ok").await;
    house.run(&["auth", "logout", "home"]).await;
    said += &house.run(&["logs", "--last", "1000"]).await.out;
    kill(host).await;
    while let Some(line) = log.recv().await {
        said += &line;
    }
    assert!(said.contains("a person signs in") && said.contains("sign-in started"), "the log is looked at");
    let store = bytes_of(&house.dir.path().join("car.state"));
    assert!(store.len() > 10_000, "the store is looked at");
    for secret in [PASSWORD, WRONG, NAME] {
        let encoded = secret.replace(' ', "+").replace('@', "%40");
        for secret in [secret, &encoded] {
            assert!(!has(said.as_bytes(), secret), "{secret} was said");
            assert!(!has(dump.out.as_bytes(), secret), "{secret} is in the dump");
            assert!(!has(&store, secret), "{secret} is in the store");
            for (topic, payload) in house.messages() {
                assert!(!has(&payload, secret) && !topic.contains(secret), "{secret} on {topic}");
            }
        }
    }
}
