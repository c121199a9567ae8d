//! What the program says of wrong input: the thing, the place and the way out.

#[cfg(unix)]
use serde_json::{Value, json};

use crate::grants::desk::{ACCOUNT, CONFIGURATION, Desk, example};

/// The component of a connector that the program carries.
fn dist(name: &str) -> String {
    format!("{}/../guest/dist/{name}.wasm", env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn a_setting_without_which_a_connector_cannot_be_used_is_shown_granted_and_missed() {
    let desk = Desk::new();
    let file = dist("renault");
    let (_, shown) = desk.run(&["connector", "inspect", &file, "-c", "car.toml"]);
    let line = shown.lines().find(|line| line.trim_start().starts_with("locale ")).unwrap_or(&shown);
    assert!(line.contains("none: you set it"), "{line}");
    let (_, shown) = desk.run(&["connector", "inspect", "--toml", &file]);
    assert!(shown.contains("locale = { required = true, description = "), "{shown}");
    let (_, shown) = desk.run(&["connector", "inspect", "--json", &file]);
    assert!(shown.contains("\"name\":\"locale\",\"required\":true"), "{shown}");
    let account = "[account.zoe]\nconnector = \"renault\"\nbrand = \"renault\"\nusername = \"${CLIENT}\"\n\
                   password_file = \"password\"\ngigya_key = \"${CLIENT}\"\nkamereon_key = \"${CLIENT}\"\n";
    desk.write("car.toml", format!("{CONFIGURATION}{account}").as_bytes());
    let (code, said) = desk.check();
    let missed = "car.toml:4: settings.locale is missing in [account.zoe], and the account cannot be used without it; add \
                  settings = { locale = \"…\" } (Language and country of the app in which the account was opened: fr_FR)";
    assert!(code == 2 && said.contains(missed), "{said}");
}

/// Stands in for a host: answers each question of the program with the next of these.
#[cfg(unix)]
fn host(desk: &Desk, state: &str, answers: Vec<Value>) -> std::thread::JoinHandle<()> {
    use std::io::{BufRead as _, BufReader, Write as _};
    std::fs::create_dir_all(desk.path(state)).unwrap();
    let socket = desk.path(state).join("control.sock");
    let _from_before = std::fs::remove_file(&socket);
    let listener = std::os::unix::net::UnixListener::bind(socket).unwrap();
    std::thread::spawn(move || {
        let takes = json!({
            "account": "main", "vendor": "Acme", "takes": [], "configured": true, "question": false,
            "sign_ins": { "used": 0, "limit": 4, "left": 4 },
        });
        let mut answers = answers.into_iter().peekable();
        while answers.peek().is_some() {
            let (mut stream, _) = listener.accept().unwrap();
            let mut question = String::new();
            BufReader::new(stream.try_clone().unwrap()).read_line(&mut question).unwrap();
            let data = match question.as_str() {
                // Only a look whether somebody listens.
                "" => continue,
                question if question.contains("account/credentials") => takes.clone(),
                _ => answers.next().unwrap(),
            };
            writeln!(stream, "{}", json!({ "status": "ok", "data": data, "error": null })).unwrap();
        }
    })
}

#[cfg(unix)]
fn asked(kind: &str, problem: Option<&str>) -> Value {
    json!({ "outcome": "asked", "question": { "kind": kind, "text": "Acme has a question", "problem": problem } })
}

#[cfg(unix)]
#[test]
fn an_answer_ends_with_0_if_it_was_taken_and_with_1_if_not() {
    let desk = Desk::new();
    let ended = json!({ "outcome": "ended", "reason": "it was answered too often" });
    for (answer, code, says) in [
        (json!({ "outcome": "signed_in" }), 0, "main is signed in"),
        (asked("code", None), 0, "Acme has a question"),
        (asked("code", Some("the code was refused")), 1, "the code was refused; Acme has a question"),
        (ended, 1, "it was answered too often"),
    ] {
        for json in [&[][..], &["--json"]] {
            let host = host(&desk, "car.state", vec![answer.clone()]);
            let arguments = [&["auth", "answer", "main", "mail", "-c", "car.toml"], json].concat();
            let (ended, said) = desk.run(&arguments);
            assert_eq!(ended, code, "{json:?} {said}");
            assert!(json.len() == 1 || said.contains(says), "{said}");
            host.join().unwrap();
        }
    }
}

#[cfg(unix)]
#[test]
fn a_question_that_is_left_open_is_answered_with_the_same_host() {
    let desk = Desk::new();
    for (state, given) in [
        ("car.state", &["-c", "car.toml"]),
        ("the state", &["--state", "the state"]),
        ("it's", &["--state", "it's"]),
    ] {
        let host = host(&desk, state, vec![asked("code", None)]);
        let (code, said) = desk.run(&[&["auth", "login", "main"], &given[..]].concat());
        let quoted = match given[1] {
            "the state" => "'the state'",
            "it's" => r"'it'\''s'",
            path => path,
        };
        let hint = format!("answer it with `vehicle-connector auth answer main {} {quoted}`", given[0]);
        assert!(code == 1 && said.contains(&hint), "{said}");
        host.join().unwrap();
    }
}

#[cfg(unix)]
#[test]
fn a_question_of_a_kind_that_is_unknown_is_not_said_to_be_done() {
    let desk = Desk::new();
    // A second question would wait for an answer that was given to the first.
    let host = host(&desk, "car.state", vec![asked("dance", None)]);
    let (code, said) = desk.run(&["auth", "login", "main", "-c", "car.toml"]);
    host.join().unwrap();
    assert!(
        code == 1 && said.contains("of the kind \"dance\"") && said.contains("update the program"),
        "{said}"
    );
}

#[test]
fn who_only_asks_a_host_is_told_that_a_state_directory_is_enough() {
    let desk = Desk::new();
    let account = "[account.main]\nconnector = \"kia-eu\"\nrefresh_token = \"${NOT_SET}\"\n";
    desk.write("car.toml", format!("{CONFIGURATION}{account}").as_bytes());
    for arguments in
        [&["auth", "login", "main"][..], &["audit"], &["connector", "list"], &["circuit", "list"]]
    {
        let (code, said) = desk.run(&[arguments, &["-c", "car.toml"]].concat());
        assert!(code == 2 && said.contains("NOT_SET") && said.contains("with --state DIR"), "{said}");
    }
    let (code, said) = desk.run(&["check-config", "-c", "car.toml"]);
    assert!(code == 2 && !said.contains("--state"), "{said}");
}

#[test]
fn a_section_to_paste_says_what_to_do_with_each_part_and_is_still_a_section() {
    let desk = Desk::new();
    let (code, section) = desk.run(&["connector", "inspect", "--toml", "downloads/example.wasm"]);
    assert_eq!(code, 0, "{section}");
    let mut lines = section.lines().peekable();
    while let Some(line) = lines.next() {
        let is_header = |line: &&str| line.starts_with('[');
        assert!(
            line.starts_with('#') || !lines.peek().is_some_and(is_header),
            "no comment after {line}: {section}"
        );
    }
    desk.write("example.wasm", &example());
    desk.write("car.toml", format!("{CONFIGURATION}\n{section}\n{ACCOUNT}").as_bytes());
    assert_eq!(desk.check().0, 0, "{}", desk.check().1);
}

#[test]
fn a_connector_that_the_program_carries_is_inspected_by_its_name() {
    let desk = Desk::new();
    let (code, shown) = desk.run(&["connector", "inspect", "renault", "-c", "car.toml"]);
    assert!(code == 0 && shown.contains("name       renault\n"), "{shown}");
    assert!(shown.contains("All of it is granted by this program"), "{shown}");
    let (code, section) = desk.run(&["connector", "inspect", "--toml", "renault"]);
    assert!(code == 0 && !section.contains("\nfile = "), "{section}");
    desk.write("car.toml", format!("{CONFIGURATION}\n{section}").as_bytes());
    assert_eq!(desk.check().0, 0, "{}", desk.check().1);
    let (code, said) = desk.run(&["connector", "inspect", "renalt"]);
    assert!(code == 2 && said.contains("hyundai-kia-eu, renault"), "{said}");
}

#[test]
fn what_is_wrong_with_a_component_or_its_pin_is_told_with_place_and_way_out() {
    let desk = Desk::new();
    let policy = dist("policy");
    for (arguments, code, says) in [
        (
            &["connector", "install", &policy, "-c", "car.toml"][..],
            1,
            "; it is a policy, which `vehicle-connector policy swap`",
        ),
        (
            &["connector", "inspect", "--toml", &policy],
            1,
            "; it is a policy, which `vehicle-connector policy swap`",
        ),
        (&["connector", "install", "none.wasm", "-c", "car.toml"], 2, "; name a component (.wasm)"),
        (&["connector", "install", "renault", "-c", "car.toml"], 2, "the program carries this connector"),
    ] {
        let (ended, said) = desk.run(arguments);
        assert!(ended == code && said.contains(says), "{said}");
    }
    let pin = format!("[connector.renault]\nsha256 = \"{}\"\n", "0".repeat(64));
    desk.write("car.toml", format!("{CONFIGURATION}{pin}").as_bytes());
    let (code, said) = desk.check();
    assert!(code == 2 && said.contains("car.toml:5: the slot renault is pinned to sha256 000"), "{said}");
    let grant = "[connector.example]\nfile = \"downloads/example.wasm\"\n\
                 [connector.example.endpoints]\napi = \"https://api.acme.example\"\n";
    desk.write("car.toml", format!("{CONFIGURATION}{grant}").as_bytes());
    let (code, said) = desk.check();
    let way_out =
        "grant it, as `vehicle-connector connector install downloads/example.wasm -c car.toml` offers";
    assert!(code == 2 && said.contains("it wants the secret client-id") && said.contains(way_out), "{said}");
}
