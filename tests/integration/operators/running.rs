//! What an operator asks of a host that runs: its log, a reload, its accounts.

use std::os::unix::fs::PermissionsExt as _;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, BufReader};

use super::PATIENCE;
use crate::crash::House;

#[tokio::test(flavor = "multi_thread")]
async fn the_log_is_shown_followed_and_made_more_talkative() {
    let mut house = House::start().await;
    let mut host = house.host().await;
    let shown = house.does(&["logs", "--state", "car.state"]).await;
    assert!(shown.contains("control socket open") && !shown.contains(" DEBUG "), "{shown}");
    let last = house.does(&["logs", "--state", "car.state", "--last", "1", "--json"]).await;
    let line: Value = serde_json::from_str(&last).unwrap();
    assert!(line["seq"].as_u64().unwrap() > 3 && line["text"].is_string(), "{line}");

    // A reader who has seen enough ends it without having to wait for a line, which may never come.
    let mut waiting = house.program();
    waiting.current_dir(house.folder.path()).args(["logs", "-f", "--level", "error", "--state", "car.state"]);
    let mut waiting = waiting.spawn().unwrap();
    drop(waiting.stdout.take());
    let ended = tokio::time::timeout(PATIENCE, waiting.wait()).await.expect("an end without a line").unwrap();
    assert!(ended.success(), "{ended:?}");

    // What follows comes by itself, also while the configuration is edited and wrong for a moment.
    let good = std::fs::read_to_string(house.config()).unwrap();
    let mut follower = house
        .program()
        .current_dir(house.folder.path())
        .args(["logs", "--follow", "--last", "1", "-c", "car.toml"])
        .spawn()
        .unwrap();
    let mut out = follower.stdout.take().unwrap();
    let mut lines = BufReader::new(&mut out).lines();
    let first = tokio::time::timeout(PATIENCE, lines.next_line()).await.unwrap().unwrap();
    assert!(first.is_some());
    std::fs::write(house.config(), "[mqtt\n").unwrap();
    for level in ["debug", "info"] {
        let told = house.does(&["logs", "--set-level", level, "--state", "car.state"]).await;
        assert!(told.contains(&format!("logs at {level}")), "{told}");
        let changed = async {
            while let Some(line) = lines.next_line().await.unwrap() {
                if line.contains("level of the log is another one") && line.contains(&format!("\"{level}\""))
                {
                    return;
                }
            }
            panic!("it ended");
        };
        tokio::time::timeout(PATIENCE, changed).await.unwrap();
    }
    std::fs::write(house.config(), good).unwrap();
    drop(out);
    let ended = tokio::time::timeout(PATIENCE, follower.wait_with_output()).await.unwrap().unwrap();
    assert!(ended.status.success() && ended.stderr.is_empty(), "{ended:?}");

    // A level that was asked for ends with the next reload, also of a file that says what it said.
    house.does(&["logs", "--set-level", "error", "--state", "car.state"]).await;
    house.does(&["reload", "--state", "car.state"]).await;
    let last = house.does(&["logs", "--state", "car.state", "--last", "1"]).await;
    assert!(last.contains("configuration reloaded"), "{last}");
    host.kill().await.unwrap();
    let (code, said) = house.says(&["logs", "--state", "car.state"]).await;
    assert!(code == 1 && said.contains("no host runs"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn whether_a_file_is_right_is_for_the_host_to_say_when_it_reloads() {
    let mut house = House::start().await;
    let _host = house.host().await;
    let good = std::fs::read_to_string(house.config()).unwrap();
    for (wrong, why) in [
        (format!("{good}\n[log]\nlevel = \"loud\"\n"), "log.level: \"loud\" is unknown"),
        (format!("{good}\n[mqtt\n"), "not valid TOML"),
    ] {
        std::fs::write(house.config(), wrong).unwrap();
        let (code, said) = house.says(&["reload", "-c", "car.toml"]).await;
        assert!(code == 1 && said.contains("the host refused config/reload") && said.contains(why), "{said}");
        assert!(!said.contains("--state"), "{said}");
    }
    // A warning says where it is.
    std::fs::write(house.config(), &good).unwrap();
    std::fs::set_permissions(house.config(), std::fs::Permissions::from_mode(0o666)).unwrap();
    let said = house.does(&["reload", "-c", "car.toml"]).await;
    assert!(said.starts_with("warning: ") && said.contains("/car.toml:1: "), "{said}");
    std::fs::set_permissions(house.config(), std::fs::Permissions::from_mode(0o600)).unwrap();
    std::fs::write(house.config(), format!("{good}\n[state]\ndir = \"moved.state\"\n")).unwrap();
    let (code, said) = house.says(&["reload", "-c", "car.toml"]).await;
    assert!(code == 1 && said.contains("if state.dir was changed since it was started"), "{said}");
    let said = house.does(&["reload", "--state", "car.state"]).await;
    assert!(said.contains("after a restart: state.dir"), "{said}");
    std::fs::remove_file(house.config()).unwrap();
    let (code, said) = house.says(&["reload", "-c", "car.toml"]).await;
    assert!(code == 2 && said.contains("car.toml"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn accounts_and_quotas_of_a_running_host_are_listed() {
    let mut house = House::start().await;
    let _host = house.host().await;
    let listed = house.does(&["account", "list", "--state", "car.state"]).await;
    assert!(
        listed
            .lines()
            .any(|line| line.starts_with("home") && line.contains("ev6, niro") && line.contains(" ok")),
        "{listed}"
    );
    let quota = house.does(&["quota", "home", "--json", "--state", "car.state"]).await;
    let quota: Value = serde_json::from_str(&quota).unwrap();
    assert!(
        quota[0]["requests"]["used"].as_u64().unwrap() > 0 && quota[0]["requests"]["limit"].is_null(),
        "{quota}"
    );
    assert_eq!(quota[0]["forced_reads"]["niro"], json!({"used": 0, "limit": 24, "left": 24}));
    let (code, said) = house.says(&["quota", "nobody", "--state", "car.state"]).await;
    assert!(code == 1 && said.contains("there are: home"), "{said}");
}
