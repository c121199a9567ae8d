use proptest::prelude::*;

use super::*;

/// What a connector for a cloud that nobody has heard of asks for.
fn acme() -> Wants {
    let secret = |name: &str, class, configured, endpoints: &[&str]| wit::WantedSecret {
        name: name.to_owned(),
        description: "A secret".to_owned(),
        class,
        configured,
        endpoints: endpoints.iter().map(|&name| name.to_owned()).collect(),
        rotates: false,
        lasting: false,
        least: 0,
        form: None,
    };
    Wants {
        endpoints: vec![wit::WantedEndpoint {
            name: "api".to_owned(),
            region: Some("eu".to_owned()),
            brand: None,
            url: "https://api.acme.example/v1/".to_owned(),
        }],
        secrets: vec![
            secret("password", wit::SecretClass::Password, wit::Configured::Required, &["api"]),
            secret("access-token", wit::SecretClass::Token, wit::Configured::Never, &["api"]),
        ],
        settings: vec![wit::WantedSetting {
            name: "units".to_owned(),
            description: "Units of distances".to_owned(),
            default: Some("km".to_owned()),
            required: false,
        }],
        operations: vec![wit::OwnOperation {
            name: "honk".to_owned(),
            description: "Sounds the horn".to_owned(),
            effect: wit::OwnEffect::Actuation,
            arguments: r#"{"type":"object","properties":{"times":{"type":"integer"}}}"#.to_owned(),
        }],
        refusals: vec![wit::Refusal {
            credential: wit::RefusedCredential::Grant,
            code: "BAD_PASSWORD".to_owned(),
            status: Some(403),
            words: None,
        }],
        answers: wit::CommandAnswers {
            success: vec![wit::SuccessMark {
                endpoint: "api".to_owned(),
                pointer: "/ok".to_owned(),
                value: "\"yes\"".to_owned(),
            }],
            codes_at: vec!["/code".to_owned()],
            before_execution: vec!["BUSY".to_owned()],
            undecided: vec!["GATEWAY".to_owned()],
        },
    }
}

#[test]
fn what_is_asked_for_has_the_form_of_a_grant() {
    let grant = wanted(&acme()).unwrap();
    let reached = grant.endpoints_of("eu", "");
    assert_eq!(reached["api"].as_str(), "https://api.acme.example/v1");
    assert_eq!(grant.secrets["access-token"].least, 8);
    assert_eq!(grant.settings["units"].default.as_deref(), Some("km"));
    assert_eq!(grant.operations["honk"].effect, OwnEffect::Actuation);
    assert_eq!(grant.refusals.grant[0].to_string(), "BAD_PASSWORD with HTTP 403");
    assert!(grant.answers.undecided.contains("GATEWAY"));
}

#[test]
fn what_nobody_could_grant_is_refused_and_named() {
    type Change = fn(&mut Wants);
    let cases: [(Change, &str); 8] = [
        (
            |w| w.endpoints[0].url = "http://api.acme.example".to_owned(),
            "the endpoint \"api\", which cannot be granted: http:// is",
        ),
        (
            |w| w.secrets[0].endpoints.push("idp".to_owned()),
            "the secret \"password\", which cannot be granted: there is no endpoint \"idp\"",
        ),
        (|w| w.secrets[1].least = 5_000, "a secret has at least 8 to 4096 bytes, and not 5000"),
        (|w| w.secrets.push(w.secrets[0].clone()), "the secret password is there twice"),
        (
            |w| w.operations[0].arguments = r##"{"$ref":"#"}"##.to_owned(),
            "the operation \"honk\", which cannot be granted: the schema refers",
        ),
        (
            |w| w.settings[0].required = true,
            "the setting \"units\", which cannot be granted: it is required and has a default",
        ),
        (|w| w.settings[0].name = "a\u{1b}[2J".to_owned(), "is no name"),
        (|w| w.answers.undecided.push("BUSY".to_owned()), "cannot say both"),
    ];
    for (change, says) in cases {
        let mut wants = acme();
        change(&mut wants);
        let error = wanted(&wants).unwrap_err();
        assert!(error.contains(says), "{error}");
    }
}

proptest! {
    /// Whatever a component writes, the answer is a grant within its bounds or a short sentence.
    #[test]
    fn nonsense_is_a_short_sentence(name in ".{0,80}", url in ".{0,80}", schema in ".{0,80}", many in 0_usize..200) {
        let mut wants = acme();
        wants.endpoints = vec![wit::WantedEndpoint { name: name.clone(), url, ..wants.endpoints[0].clone() }; many];
        wants.operations[0].arguments = schema;
        wants.settings[0].name = name;
        if let Err(error) = wanted(&wants) {
            prop_assert!(error.len() < 1_000, "{}", error);
        }
    }
}
