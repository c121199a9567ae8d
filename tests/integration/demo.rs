//! The demo's story over real MQTT, and the commands that people type.

use std::process::Command;

use vehicle_connector::demo::Stage;

fn program() -> Command {
    let mut program = Command::new(env!("CARGO_BIN_EXE_vehicle-connector-under-test"));
    program.env_remove("RUST_LOG");
    program
}

#[tokio::test(flavor = "multi_thread")]
async fn the_story_goes_as_told() {
    let mut stage = Stage::set().await.unwrap();
    stage.tell().await.unwrap();
    let summary = stage.summary();
    assert_eq!(summary.token_refreshes, 3, "{summary:?}");
    assert_eq!(summary.policy_swaps, 2, "{summary:?}");
    assert_eq!(summary.commands, summary.succeeded + summary.failed, "{summary:?}");
    assert!(summary.failed >= 2, "the outdated policy misses some: {summary:?}");
    stage.strike().await;
}

#[test]
fn a_wrong_configuration_is_explained_and_nothing_is_started() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("car.toml");
    let cases = [
        ("[mqtt]\nurl = \"mqtt://127.0.0.1\"\npasword_file = \"x\"\n", ":3: ", "did you mean"),
        ("[mqtt]\nurl = \"mqt://127.0.0.1\"\n", ":2: ", "mqtt://"),
        ("[mqtt]\nurl = \n", ":2: ", ""),
        (
            "[mqtt]\nurl = \"mqtt://127.0.0.1\"\n[account.a]\nconnector = \"hyundai-kia-eu\"\nbrand = \"kia\"\n\
             region = \"eu\"\nrefresh_token_file = \"missing\"\n",
            ":7: ",
            "missing",
        ),
        (
            "[mqtt]\nurl = \"mqtt://127.0.0.1\"\n[account.a]\nconnector = \"hyundai-kia-eu\"\nbrand = \"kia\"\n\
             region = \"eu\"\nrefresh_token = \"${NOWHERE}\"\nendpoints = { ccapi = \"http://example.com\" }\n",
            ":8: ",
            "http",
        ),
    ];
    for (text, line, words) in cases {
        std::fs::write(&file, text).unwrap();
        for command in ["run", "check-config"] {
            let output = program().args([command, "-c"]).arg(&file).output().unwrap();
            let message = String::from_utf8(output.stderr).unwrap();
            assert_eq!(output.status.code(), Some(2), "{message}");
            assert!(message.contains(line) && message.contains(words), "{line} {words}: {message}");
        }
    }
    let output = program().args(["run", "-c", "/nowhere/car.toml"]).output().unwrap();
    let message = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(message.contains("/nowhere/car.toml"), "{message}");
}

#[test]
fn wrong_arguments_are_explained() {
    for arguments in [&["lock-all-cars"][..], &["demo", "--seconds", "many"], &["run", "--config"], &[]] {
        let output = program().args(arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(!output.stderr.is_empty(), "{arguments:?}");
    }
}
