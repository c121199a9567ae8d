use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::descriptor::{
    Arguments, OwnOperation, PinStyle, RefusedCredential, Remark, Setting, SuccessPlace, stricter, unused,
};

fn at(region: &str, name: &str) -> Service {
    let region = (!region.is_empty()).then(|| region.to_owned());
    Service { region, brand: None, name: name.to_owned() }
}

fn said(code: &str, status: Option<u16>) -> Said {
    Said { code: code.to_owned(), status, words: None }
}

fn rule(class: SecretClass, configured: Configured, endpoints: &[&str]) -> SecretRule {
    let endpoints: BTreeSet<String> = endpoints.iter().map(|&name| name.to_owned()).collect();
    SecretRule { endpoints, ..SecretRule::new(class, configured) }
}

fn ret() -> SuccessPlace {
    SuccessPlace { endpoint: "api".to_owned(), pointer: "/ret".to_owned() }
}

fn answers() -> CommandAnswers {
    let set = |codes: &[&str]| codes.iter().map(|&code| code.to_owned()).collect();
    CommandAnswers {
        success: [(ret(), "S".into())].into(),
        codes_at: vec!["/code".to_owned()],
        before_execution: set(&["4001", "4002"]),
        undecided: set(&["9999"]),
    }
}

/// A grant with something of everything.
fn full() -> Grant {
    let mut grant = Grant::default();
    grant.add_endpoint(at("", "api"), "https://api.example").unwrap();
    grant.add_endpoint(at("eu", "idp"), "https://idp.eu.example").unwrap();
    let password = rule(SecretClass::Password, Configured::Required, &["idp"]);
    grant.add_secret("password", password).unwrap();
    let client = rule(SecretClass::Identifier, Configured::Required, &["idp"]);
    grant.add_secret("client-id", client).unwrap();
    grant.add_secret("access-token", rule(SecretClass::Token, Configured::Never, &["api"])).unwrap();
    let pin = rule(SecretClass::Pin(PinStyle::Bearer), Configured::Optional, &["api"]);
    grant.add_secret("pin", pin).unwrap();
    grant.add_setting("units", Setting::default()).unwrap();
    let honk = OwnOperation { effect: OwnEffect::Set, ..OwnOperation::default() };
    grant.add_operation("honk", honk).unwrap();
    grant.add_refusal(RefusedCredential::Grant, said("7501", None)).unwrap();
    grant.add_refusal(RefusedCredential::Pin, said("4003", Some(400))).unwrap();
    grant.set_answers(answers()).unwrap();
    grant
}

fn texts(remarks: Vec<Remark>) -> Vec<String> {
    remarks.into_iter().map(|remark| remark.text).collect()
}

fn told(wanted: &Grant, granted: &Grant) -> Vec<String> {
    excess(wanted, granted).iter().map(ToString::to_string).collect()
}

#[test]
fn what_is_granted_is_no_excess_and_nothing_is_needless() {
    assert_eq!(told(&full(), &full()), [""; 0]);
    assert!(unused(&full(), &full()).is_empty() && stricter(&full(), &full()).is_empty());
    assert_eq!(told(&Grant::default(), &Grant::default()), [""; 0]);
}

/// What a version changes in what it asks for, and what is said about it.
type Case = (fn(&mut Grant), &'static str);

#[test]
fn what_is_more_is_named() {
    let cases: [Case; 17] = [
        (
            |w| w.add_endpoint(at("na", "idp"), "https://idp.na.example").unwrap(),
            "it wants to reach idp (na) at https://idp.na.example",
        ),
        (
            |w| drop(w.endpoints.insert(at("", "api"), base("https://evil.example"))),
            "it wants to reach api at https://evil.example",
        ),
        (
            |w| {
                w.endpoints.remove(&at("eu", "idp"));
                w.endpoints.insert(at("", "idp"), base("https://idp.eu.example"));
            },
            "it wants to reach idp at https://idp.eu.example",
        ),
        (
            |w| w.add_secret("key", rule(SecretClass::Key, Configured::Optional, &["api"])).unwrap(),
            "it wants the secret key (key)",
        ),
        (
            |w| of(w, "password").class = SecretClass::Key,
            "it calls the secret password key, and the grant says password, whose rules are weaker or others",
        ),
        (
            |w| of(w, "pin").class = SecretClass::Pin(PinStyle::Challenge),
            "it calls the secret pin pin-challenge, and the grant says pin-bearer, whose rules are weaker or others",
        ),
        (|w| of(w, "password").endpoints.extend(["api".to_owned()]), "it wants to send password to api"),
        (
            |w| of(w, "access-token").configured = Configured::Optional,
            "it wants access-token from the configuration, which never has it",
        ),
        (|w| of(w, "client-id").rotates = true, "it wants to take client-id out of answers"),
        (|w| of(w, "access-token").lasting = true, "it wants access-token kept when a sign-in fails"),
        (|w| w.add_setting("model", Setting::default()).unwrap(), "it wants the setting model"),
        (
            |w| w.add_operation("open-trunk", OwnOperation::default()).unwrap(),
            "it wants the operation open-trunk (actuation)",
        ),
        (
            |w| w.operations.get_mut("honk").unwrap().effect = OwnEffect::Actuation,
            "it calls the operation honk actuation, and the grant says set, which may be repeated sooner",
        ),
        (
            |w| w.add_refusal(RefusedCredential::Pin, said("4003", None)).unwrap(),
            "it takes 4003 for a refusal (pin)",
        ),
        (
            |w| w.answers.before_execution.extend(["4099".to_owned()]),
            "it takes 4099 for a refusal before execution",
        ),
        (|w| w.answers.undecided.extend(["4098".to_owned()]), "it says that 4098 leaves open what happened"),
        (|w| w.answers.codes_at.push("/sub".to_owned()), "it looks for codes at /sub"),
    ];
    for (change, says) in cases {
        let mut wanted = full();
        change(&mut wanted);
        assert_eq!(told(&wanted, &full()), [says]);
        assert_eq!(told(&wanted, &full().extended(&wanted).unwrap()), [""; 0], "{says}");
    }
}

fn of<'g>(grant: &'g mut Grant, name: &str) -> &'g mut SecretRule {
    grant.secrets.get_mut(name).unwrap()
}

fn base(text: &str) -> Url {
    crate::descriptor::base_url(text).unwrap()
}

#[test]
fn no_other_words_of_success_may_be_wanted() {
    let (mut none, mut others) = (full(), full());
    none.answers.success.clear();
    others.answers.success.insert(ret(), "OK".into());
    assert_eq!(told(&full(), &none), ["it says that \"S\" at /ret of api means success"]);
    assert_eq!(told(&none, &full()), [""; 0], "what is granted holds all the same");
    assert_eq!(full().extended(&none).unwrap().answers.success, full().answers.success);
    assert_eq!(told(&others, &full()), ["it says that \"OK\" at /ret of api means success"]);
}

#[test]
fn a_grant_may_be_stricter_and_larger_and_that_is_told() {
    let mut granted = full();
    of(&mut granted, "pin").class = SecretClass::Pin(PinStyle::Challenge);
    granted.operations.get_mut("honk").unwrap().effect = OwnEffect::Actuation;
    granted.operations.get_mut("honk").unwrap().arguments = Arguments::parse("{}").unwrap();
    assert_eq!(told(&full(), &granted), [""; 0]);
    assert_eq!(
        texts(stricter(&full(), &granted)),
        [
            "the connector calls the secret pin pin-bearer, and the rules of pin-challenge hold",
            "the connector calls the operation honk set, and the rules of actuation hold",
            "the arguments of the operation honk are granted otherwise than the connector has them",
        ]
    );
    let mut wanted = full();
    wanted.settings.get_mut("units").unwrap().required = true;
    let open = "the connector cannot be used without the setting units, and the grant does not say so; add required = true";
    assert!(texts(stricter(&wanted, &granted)).contains(&open.to_owned()));
    assert!(stricter(&wanted, &wanted).is_empty());
    granted.add_endpoint(at("", "spare"), "https://spare.example").unwrap();
    granted.add_setting("spare", Setting::default()).unwrap();
    of(&mut granted, "password").endpoints.insert("api".to_owned());
    granted.answers.before_execution.insert("1".to_owned());
    assert_eq!(told(&full(), &granted), [""; 0]);
    assert_eq!(
        texts(unused(&full(), &granted)),
        [
            "the endpoint spare is granted, and the connector does not ask for it",
            "the secret password for api is granted, and the connector does not ask for it",
            "the setting spare is granted, and the connector does not ask for it",
            "the code before execution 1 is granted, and the connector does not ask for it",
        ]
    );
}

#[test]
fn a_password_that_is_granted_as_an_identifier_is_an_excess_of_the_grant() {
    let mut granted = full();
    of(&mut granted, "password").class = SecretClass::Identifier;
    assert_eq!(
        told(&full(), &granted),
        [
            "it calls the secret password password, and the grant says identifier, whose rules are weaker or others"
        ]
    );
    // The other way round the rules of a password hold, whatever the component says.
    assert_eq!(told(&granted, &full()), [""; 0]);
}

/// Parts of a grant, each there or not.
fn some() -> impl Strategy<Value = Grant> {
    let parts = [any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>()];
    parts.prop_map(|[na, key, setting, honk, refusal, code]| {
        let mut grant = Grant::default();
        grant.add_endpoint(at("", "api"), "https://api.example").unwrap();
        if na {
            grant.add_endpoint(at("na", "api"), "https://api.na.example").unwrap();
        }
        if key {
            grant.add_secret("key", rule(SecretClass::Key, Configured::Optional, &["api"])).unwrap();
        }
        if setting {
            grant.add_setting("units", Setting::default()).unwrap();
        }
        if honk {
            grant.add_operation("honk", OwnOperation::default()).unwrap();
        }
        if refusal {
            grant.add_refusal(RefusedCredential::Grant, said("1", None)).unwrap();
        }
        if code {
            let codes_at = vec!["/code".to_owned()];
            let before_execution = ["2".to_owned()].into();
            grant.set_answers(CommandAnswers { codes_at, before_execution, ..Default::default() }).unwrap();
        }
        grant
    })
}

proptest! {
    /// What one asks for beyond a grant is exactly what makes the grant too small.
    #[test]
    fn nothing_is_forgotten(wanted in some(), granted in some()) {
        let more = excess(&wanted, &granted);
        let all = wanted.endpoints.keys().all(|service| granted.endpoints.contains_key(service))
            && wanted.secrets.keys().all(|name| granted.secrets.contains_key(name))
            && wanted.settings.keys().all(|name| granted.settings.contains_key(name))
            && wanted.operations.keys().all(|name| granted.operations.contains_key(name))
            && wanted.refusals.grant.iter().all(|said| granted.refusals.grant.contains(said))
            && wanted.answers.before_execution.is_subset(&granted.answers.before_execution);
        prop_assert_eq!(more.is_empty(), all, "{:?}", more);
        let extended = granted.extended(&wanted).unwrap();
        prop_assert!(excess(&wanted, &extended).is_empty() && excess(&granted, &extended).is_empty());
        prop_assert_eq!(more.is_empty(), extended == granted);
        prop_assert!(excess(&wanted, &wanted).is_empty() && excess(&Grant::default(), &granted).is_empty());
    }
}
