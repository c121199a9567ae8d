use super::*;
use crate::descriptor::{Arguments, Configured, OwnEffect, SecretCharacters, SecretForm};

fn at(region: &str, brand: &str, name: &str) -> Service {
    let word = |word: &str| (!word.is_empty()).then(|| word.to_owned());
    Service { region: word(region), brand: word(brand), name: name.to_owned() }
}

fn with_api() -> Grant {
    let mut grant = Grant::default();
    grant.add_endpoint(at("", "", "api"), "https://api.example").unwrap();
    grant
}

fn token() -> SecretRule {
    SecretRule {
        endpoints: ["api".to_owned()].into(),
        ..SecretRule::new(SecretClass::Token, Configured::Never)
    }
}

#[test]
fn an_account_reaches_the_most_precise_of_what_holds_for_it() {
    let mut grant = Grant::default();
    for (service, url) in [
        (at("", "", "api"), "https://everywhere.example"),
        (at("eu", "", "api"), "https://eu.example"),
        (at("eu", "kia", "api"), "https://kia.eu.example"),
        (at("na", "", "idp"), "https://idp.na.example"),
    ] {
        grant.add_endpoint(service, url).unwrap();
    }
    let reached = |region: &str, brand: &str| {
        let reached = grant.endpoints_of(region, brand);
        reached.iter().map(|(name, url)| format!("{name}={url}")).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(reached("eu", "kia"), "api=https://kia.eu.example/");
    assert_eq!(reached("eu", "hyundai"), "api=https://eu.example/");
    assert_eq!(reached("na", "kia"), "api=https://everywhere.example/ idp=https://idp.na.example/");
    assert_eq!(reached("", ""), "api=https://everywhere.example/");
    assert_eq!(grant.regions().into_iter().collect::<Vec<_>>(), ["eu", "na"]);
}

#[test]
fn what_could_be_meant_twice_is_refused() {
    let mut grant = Grant::default();
    grant.add_endpoint(at("eu", "", "api"), "https://a.example").unwrap();
    let error = grant.add_endpoint(at("", "kia", "api"), "https://b.example").unwrap_err();
    assert_eq!(
        error,
        "api (eu) and api (kia) would both hold for some accounts; name region and brand of one of them"
    );
    let error = grant.add_endpoint(at("eu", "", "api"), "https://c.example").unwrap_err();
    assert!(error.contains("is there twice"), "{error}");
}

#[test]
fn a_service_covers_what_is_within_it() {
    assert!(at("", "", "api").covers(&at("eu", "kia", "api")));
    assert!(at("eu", "", "api").covers(&at("eu", "kia", "api")));
    assert!(!at("eu", "", "api").covers(&at("", "kia", "api")));
    assert!(!at("", "", "api").covers(&at("", "", "idp")));
}

#[test]
fn secrets_that_cannot_be_are_refused() {
    let bound = |endpoint: &str| SecretRule { endpoints: [endpoint.to_owned()].into(), ..token() };
    let form = SecretForm { length: 0, characters: SecretCharacters::Digits };
    for (name, rule, says) in [
        ("a_b", token(), "is no name"),
        ("region", token(), "cannot be called region"),
        ("quota-per-day", token(), "cannot be called"),
        ("token-file", token(), "cannot be called token-file"),
        ("x", bound("idp"), "there is no endpoint \"idp\"; known: api"),
        ("x", SecretRule { endpoints: BTreeSet::new(), ..token() }, "no endpoints"),
        (
            "x",
            SecretRule { class: SecretClass::OneTimeCode, configured: Configured::Optional, ..token() },
            "good once",
        ),
        ("x", SecretRule { form: Some(form), ..token() }, "1 to 4096 characters"),
        ("x", SecretRule { description: "x".repeat(600), ..token() }, "512 are allowed"),
        ("token", token(), "twice"),
    ] {
        let mut grant = with_api();
        grant.add_secret("token", token()).unwrap();
        let error = grant.add_secret(name, rule).unwrap_err();
        assert!(error.contains(says), "{name}: {error}");
    }
}

#[test]
fn everything_has_a_bound() {
    let mut grant = with_api();
    let count = |mut add: Box<dyn FnMut(usize) -> Result<(), String> + '_>| {
        (0..1_000).take_while(|&n| add(n).is_ok()).count()
    };
    assert_eq!(
        count(Box::new(|n| grant.add_endpoint(at("", "", &format!("e{n}")), "https://h.example"))),
        63
    );
    assert_eq!(count(Box::new(|n| grant.add_secret(&format!("s{n}"), token()))), 32);
    assert_eq!(count(Box::new(|n| grant.add_setting(&format!("s{n}"), Setting::default()))), 32);
    let operation =
        OwnOperation { effect: OwnEffect::Read, arguments: Arguments::default(), ..Default::default() };
    assert_eq!(count(Box::new(|n| grant.add_operation(&format!("o{n}"), operation.clone()))), 32);
    let said = |n: usize| Said { code: n.to_string(), status: None, words: None };
    assert_eq!(count(Box::new(|n| grant.add_refusal(RefusedCredential::Pin, said(n)))), 64);
    let codes = |count: usize| CommandAnswers {
        codes_at: vec!["/code".to_owned()],
        before_execution: (0..count).map(|n| n.to_string()).collect(),
        ..CommandAnswers::default()
    };
    assert_eq!(grant.set_answers(codes(256)), Ok(()));
    assert!(grant.set_answers(codes(257)).is_err());
}

#[test]
fn answers_that_contradict_themselves_are_refused() {
    let with = |codes_at: &[&str], before: &[&str], undecided: &[&str]| CommandAnswers {
        success: BTreeMap::new(),
        codes_at: codes_at.iter().map(|&text| text.to_owned()).collect(),
        before_execution: before.iter().map(|&text| text.to_owned()).collect(),
        undecided: undecided.iter().map(|&text| text.to_owned()).collect(),
    };
    for (answers, says) in [
        (with(&["code"], &[], &[]), "is no JSON Pointer"),
        (with(&["/code"], &["1"], &["1"]), "cannot say both"),
        (with(&[], &["1"], &[]), "codes_at does not say"),
        (with(&["/code"], &[""], &[]), "before_execution: a code is empty"),
        (with(&["/code"], &[], &["1\n"]), "undecided: a code is empty, or has control characters; write it"),
    ] {
        let error = Grant::default().set_answers(answers).unwrap_err();
        assert!(error.contains(says), "{error}");
    }
}
