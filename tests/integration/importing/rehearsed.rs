//! Rehearsals of a sign-in: what would be sent, and what a sign-in would come to now.

use serde_json::Value;
use simulator::{Config, SignInOutcome};

use super::street::Street;
use crate::program::serving;

#[tokio::test(flavor = "multi_thread")]
async fn a_rehearsal_goes_as_far_as_the_password_and_leaves_nothing() {
    let street = Street::start().await;
    for configuration in ["signs-in", "imports"] {
        street.cloud.control().reset_counters();
        let said = street.does(&["auth", "login", "home", "--dry-run"], configuration).await;
        let end = said.split("POST").last().unwrap();
        assert!(
            end.contains("/auth/account/signin") && end.contains("not sent: it carries the password"),
            "{said}"
        );
        assert!(end.contains("{derived:") && end.contains("RSA encryption"), "{said}");
        assert!(
            said.contains("/auth/api/v2/user/oauth2/authorize") && said.contains("sent; answered with HTTP"),
            "{said}"
        );
        assert!(end.contains("={cookie}"), "of cookies the names only: {said}");
        for secret in [Config::default().password, Config::default().username, "SECRETPIECESUFFIX".to_owned()]
        {
            assert!(!said.contains(&secret), "{said}");
        }
        let sent = street.counters();
        assert_eq!((sent.sign_ins_asked, sent.code_exchanges_asked), (0, 0), "{sent:?}");
        assert!(sent.requests > 1, "the requests before it are sent: {sent:?}");
        assert!(!street.dir.path().join(format!("{configuration}.state")).exists(), "nothing is kept");
    }
}

const REHEARSE: [&str; 4] = ["auth", "login", "home", "--dry-run"];

#[tokio::test(flavor = "multi_thread")]
async fn a_rehearsal_says_what_keeps_a_sign_in_from_being_made_and_sends_no_more_than_that() {
    let street = Street::start().await;
    // Whether it is read from the state, or told by the host that has it open.
    for beside_a_host in [false, true] {
        let host = match beside_a_host {
            true => Some(serving(street.program(&["run", "-c", "signs-in.toml"]).spawn().unwrap()).await),
            false => None,
        };
        if !beside_a_host {
            street.cloud.control().set_sign_in_outcome(SignInOutcome::BlockedPage);
            let ran = street.tries(&["auth", "login", "home"], "signs-in").await;
            assert!(ran.code == 1 && ran.err.contains("blocks this program"), "{ran:?}");
        }
        street.cloud.control().reset_counters();
        let ran = street.tries(&REHEARSE, "signs-in").await;
        assert_eq!(ran.code, 1, "{ran:?}");
        let begin =
            "home: `auth login` would send nothing now, so nothing is sent here either: the vendor blocks";
        assert!(ran.out.starts_with(begin), "{ran:?}");
        assert!(
            ran.out.contains("/oauth2/authorize") && ran.out.contains("not sent: the vendor blocks"),
            "{ran:?}"
        );
        let login = street.tries(&["auth", "login", "home"], "signs-in").await;
        let why = ran.out.lines().next().unwrap().split_once("here either: ").unwrap().1;
        assert!(login.code == 1 && login.err.contains(why), "{login:?}");
        let ran = street.tries(&[&REHEARSE[..], &["--json"]].concat(), "signs-in").await;
        let rehearsed: Value = ran.json();
        assert_eq!(rehearsed["prospect"]["outcome"], "refused", "{rehearsed}");
        assert!(
            rehearsed["requests"].as_array().unwrap().iter().all(|it| it["went"]["outcome"] == "withheld")
        );
        assert_eq!(street.counters().requests, 0);
        drop(host);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rehearsal_knows_the_sign_ins_of_the_day_and_the_device_that_is_registered() {
    let street = Street::start().await;
    let file = street.dir.path().join("signs-in.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text.replace("[account.home]", "[account.home]\nmax_logins_per_day = 1")).unwrap();
    let ran = street.tries(&REHEARSE, "signs-in").await;
    assert!(ran.code == 0 && ran.out.contains("/notifications/register"), "{ran:?}");
    street.does(&["auth", "login", "home"], "signs-in").await;
    street.cloud.control().reset_counters();
    let ran = street.tries(&REHEARSE, "signs-in").await;
    let begin = "home: `auth login` would send nothing now: 1 sign-ins within a day";
    assert!(ran.code == 1 && ran.out.starts_with(begin), "{ran:?}");
    let sent = street.counters();
    assert!(!ran.out.contains("/notifications/register") && sent.registrations == 0, "{ran:?}");
    assert!(ran.out.contains("not sent: it carries the password"), "{ran:?}");
    assert_eq!(sent.sign_ins_asked, 0, "{sent:?}");
    let login = street.tries(&["auth", "login", "home"], "signs-in").await;
    assert!(login.code == 1 && login.err.contains("1 sign-ins were made within 24 hours"), "{login:?}");
    // What a state that cannot be read has in it nobody knows.
    std::fs::write(street.dir.path().join("signs-in.state/state.db"), "no database at all, but some text")
        .unwrap();
    let ran = street.tries(&REHEARSE, "signs-in").await;
    assert!(ran.code == 1 && ran.err.contains("state.db") && ran.out.is_empty(), "{ran:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rehearsal_needs_a_good_configuration_and_points_to_nothing_else() {
    let street = Street::start().await;
    std::fs::write(street.dir.path().join("wrong.toml"), "[account.home]\n").unwrap();
    let ran = street.tries(&REHEARSE, "wrong").await;
    assert!(ran.code == 2 && ran.err.contains("wrong.toml:1"), "{ran:?}");
    assert!(!ran.err.contains("--state"), "a rehearsal needs more than the state: {ran:?}");
}
