use super::*;
use crate::bindings::policy::Effect;

fn failure(phase: Phase, status: u16) -> Failure {
    Failure {
        http_status: Some(status),
        body: BodyKind::Json,
        ..Failure::refused("hyundai-kia-eu", "refresh_session", phase, Effect::Session)
    }
}

#[test]
fn only_a_status_that_refuses_and_a_document_can_say_it() {
    for status in 100..=599 {
        let refuses = (400..500).contains(&status) && ![408, 425, 429].contains(&status);
        assert_eq!(is_refusal(&failure(Phase::Refresh, status)), refuses, "{status}");
    }
    assert!(!is_refusal(&Failure { body: BodyKind::Html, ..failure(Phase::Refresh, 400) }));
    assert!(!is_refusal(&Failure { http_status: None, ..failure(Phase::Refresh, 400) }));
}

#[test]
fn what_is_answered_is_in_doubt_unless_it_only_cannot_be_answered_now() {
    for status in [200, 204, 302, 400, 401, 403, 404, 407, 418, 451] {
        assert!(is_doubtful(&failure(Phase::Refresh, status)), "{status}");
    }
    assert!(is_doubtful(&Failure { http_status: None, ..failure(Phase::Refresh, 400) }));
    let no_answer = Some(crate::bindings::policy::Transport::Interrupted);
    assert!(!is_doubtful(&Failure {
        http_status: None,
        transport: no_answer,
        ..failure(Phase::Refresh, 400)
    }));
    for status in [408, 425, 429, 500, 502, 503, 504] {
        let unwell = failure(Phase::Refresh, status);
        assert!(!is_doubtful(&unwell), "{status}");
        // A service that is unwell does not know who is refused.
        let words = Failure { oauth_error: Some("invalid_grant".to_owned()), ..unwell };
        assert_eq!(is_doubtful(&words), status >= 500, "{status}");
    }
}

#[test]
fn a_listed_code_wants_its_status_and_its_words() {
    let said = |status, words: Option<&str>| {
        vec![Said { code: "4002".to_owned(), status, words: words.map(str::to_owned) }]
    };
    let coded = Failure {
        code: Some("4002".to_owned()),
        message: "Invalid Parameters".to_owned(),
        ..failure(Phase::Pin, 400)
    };
    assert!(
        is_listed(&coded, &said(None, None))
            && is_listed(&coded, &said(Some(400), Some("invalid parameters")))
    );
    assert!(
        !is_listed(&coded, &said(Some(401), None)) && !is_listed(&coded, &said(None, Some("request body")))
    );
    assert!(!is_listed(&failure(Phase::Pin, 400), &said(None, None)));
}

#[test]
fn a_daily_limit_is_what_the_host_knows_of_the_cloud() {
    let table = Refusals {
        daily_limit: vec![Said { code: "5091".to_owned(), status: None, words: None }],
        grant: Vec::new(),
        pin: Vec::new(),
    };
    let said = |code: Option<&str>, retry_after| Failure {
        code: code.map(str::to_owned),
        retry_after,
        ..failure(Phase::Status, 503)
    };
    assert!(is_daily_limit(&said(Some("5091"), None), &table));
    assert!(!is_daily_limit(&said(Some("5091"), Some(30_000)), &table), "a time says more");
    for code in [None, Some("4005"), Some("HT_534")] {
        assert!(!is_daily_limit(&said(code, None), &table), "{code:?}");
    }
}

#[test]
fn a_status_of_success_refuses_if_the_owner_s_table_has_it_with_the_code() {
    let table = [Said { code: "403041".to_owned(), status: Some(200), words: None }];
    let with = |status: u16| Failure { code: Some("403041".to_owned()), ..failure(Phase::SignIn, status) };
    assert!(is_listed_with_status(&with(200), &table) && !is_refusal(&with(200)));
    assert!(!is_listed_with_status(&with(204), &table));
    let page = Failure { body: BodyKind::Html, ..with(200) };
    assert!(!is_listed_with_status(&page, &table));
    let any_status = [Said { status: None, ..table[0].clone() }];
    assert!(!is_listed_with_status(&with(200), &any_status), "a code alone needs the status of a refusal");
}

#[test]
fn a_redirect_refuses_a_sign_in_and_nothing_else() {
    let led = |phase, status, error: Option<&str>, place: Option<&str>| {
        refuses_by_redirect(&Failure {
            oauth_error: error.map(str::to_owned),
            redirect: place.map(str::to_owned),
            ..failure(phase, status)
        })
    };
    let place = Some("https://idp.example/authorize");
    assert_eq!(led(Phase::SignIn, 302, None, place), Some(GrantRefusal::Undecidable));
    assert_eq!(led(Phase::SignIn, 302, Some("access_denied"), place), Some(GrantRefusal::SignIn));
    for unsaid in [
        led(Phase::SignIn, 302, Some("temporarily_unavailable"), place),
        led(Phase::SignIn, 302, None, None),
        led(Phase::SignIn, 200, None, place),
        led(Phase::SignIn, 401, Some("access_denied"), place),
        led(Phase::Refresh, 302, None, place),
        led(Phase::Status, 302, Some("access_denied"), place),
    ] {
        assert_eq!(unsaid, None);
    }
}

#[test]
fn a_firewall_says_that_it_blocks_with_a_refusal_a_redirect_or_a_page() {
    for (status, body, may) in [
        (200, BodyKind::Html, true),
        (200, BodyKind::Json, false),
        (302, BodyKind::None, true),
        (403, BodyKind::Html, true),
        (403, BodyKind::Json, true),
        (503, BodyKind::Html, false),
    ] {
        let said = Failure { body, message: "blocked".to_owned(), ..failure(Phase::SignIn, status) };
        assert_eq!(may_say_blocked(&said), may, "{status} {body:?}");
        assert!(!may_say_blocked(&Failure { message: " ".to_owned(), ..said }), "{status}");
    }
}
