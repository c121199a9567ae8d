use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::*;
use crate::primitives::Offers;

/// A question for a code of which nothing is known.
fn wants_a_code() -> Pending {
    Pending {
        number: 1,
        challenge: Challenge::Code { secret: "code".to_owned(), sent_to: None, digits: None, resend: false },
        continuation: String::new(),
        asked_at: Timestamp::UNIX_EPOCH,
        expires_at: Timestamp::MAX,
        codes_left: 3,
        steps: 1,
        counted: true,
        problem: None,
        staged: Secrets::new(),
        offers: Offers::default(),
        jars: BTreeMap::new(),
        made: BTreeSet::new(),
        tried: Vec::new(),
        given_once: std::sync::Arc::default(),
        begun: crate::account::question::Begun::default(),
    }
}

#[test]
fn a_code_is_what_people_write_and_no_password() {
    let password = SecretString::from("hunter2");
    let fit = |answer: &str| {
        let answer = Answer::parse(answer.as_bytes())?;
        let fitting = wants_a_code().fit(&answer, |_| None, &[&password])?;
        assert!(matches!(fitting.reply, Reply::Code));
        Ok::<_, NotUnderstood>(fitting.handed["code"].expose_secret().to_owned())
    };
    for (answer, code) in
        [("12 34-56", "123456"), ("aB3", "aB3"), (r#"{"code":"again"}"#, "again"), ("again", "again")]
    {
        assert_eq!(fit(answer).as_deref(), Ok(code), "{answer}");
    }
    for answer in ["hunter2", r#"{"code":"hunter2"}"#, r#"{"again":true}"#, r#"{"choice":"a"}"#, "é", "--"] {
        let why = fit(answer).unwrap_err().to_string();
        assert!(!why.contains("hunter2"), "{why}");
    }
}

fn parsed(payload: &str) -> Result<String, String> {
    Answer::parse(payload.as_bytes()).map_err(|why| why.to_string()).map(|answer| match answer {
        Answer::Plain(text) => format!("plain {}", text.expose_secret()),
        Answer::Code(code) => format!("code {}", code.expose_secret()),
        Answer::Choice(id) => format!("choice {id}"),
        Answer::Redirect(address) => format!("redirect {}", address.expose_secret()),
        Answer::Confirmed => "confirmed".to_owned(),
        Answer::Again => "again".to_owned(),
    })
}

#[test]
fn an_answer_is_a_text_or_an_object_with_one_field() {
    for (payload, expected) in [
        (" 123456\n", "plain 123456"),
        (r#"{"code":"012345"}"#, "code 012345"),
        (r#"{"code":123456}"#, "code 123456"),
        (r#"{"choice":"mail"}"#, "choice mail"),
        (r#"{"redirect":"https://a.example/"}"#, "redirect https://a.example/"),
        (r#"{"confirmed":true}"#, "confirmed"),
        (r#"{"again":true}"#, "again"),
    ] {
        assert_eq!(parsed(payload).as_deref(), Ok(expected), "{payload}");
    }
    for payload in [
        "",
        "  ",
        "{}",
        "{",
        r#"{"code":"1","again":true}"#,
        r#"{"code":["731846"]}"#,
        r#"{"731846":true}"#,
        r#"{"confirmed":false}"#,
        r#"{"confirmed":"731846"}"#,
    ] {
        let why = parsed(payload).unwrap_err();
        assert!(why.contains("an answer is the code") && !why.contains("731846"), "{payload}: {why}");
    }
    assert!(Answer::parse(&vec![b'1'; LARGEST + 1]).is_err());
    assert!(Answer::parse(b"\xff1").is_err());
}

#[test]
fn a_password_is_taken_in_no_form() {
    for payload in [r#"{"password":"x"}"#, r#"{"username":"a","password":"x"}"#] {
        let why = parsed(payload).unwrap_err();
        assert!(why.starts_with("a password is not taken here"), "{why}");
    }
}

#[test]
fn texts_are_compared_as_a_whole() {
    assert!(equal("", "") && equal("abc", "abc"));
    for (one, other) in [("abc", "abd"), ("abc", "ab"), ("ab", "abc"), ("", "a"), ("abc", "ABC")] {
        assert!(!equal(one, other), "{one} {other}");
    }
}

#[test]
fn of_an_address_only_the_code_is_taken() {
    let state = SecretString::from("the-state");
    let back = |address: &str| {
        came_back(address, "app://back", Some(&state)).map(|code| code.expose_secret().to_owned())
    };
    for address in [
        "app://back?code=a%2Fb&state=the-state",
        "app://back/?x=1&state=the-state&code=a%2Fb&scope=all",
        "app://back#code=a%2Fb&state=the-state",
    ] {
        assert_eq!(back(address).as_deref(), Ok("a/b"), "{address}");
    }
    for address in
        ["app://other?code=a&state=the-state", "app://back?code=a", "app://back?code=&state=the-state", ""]
    {
        assert!(back(address).is_err(), "{address}");
    }
    assert_eq!(came_back("app://back?code=a", "app://back", None).unwrap().expose_secret(), "a");
}
