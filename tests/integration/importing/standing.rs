//! How accounts are signed in, as the program shows it: with a host that runs and without one.

use simulator::SignInOutcome;

use super::street::Street;
use crate::program::serving;

const STATUS: [&str; 3] = ["auth", "status", "home"];

#[tokio::test(flavor = "multi_thread")]
async fn without_a_host_it_is_told_of_what_is_stored_and_nothing_is_sent_or_made() {
    let street = Street::start().await;
    let ran = street.tries(&STATUS, "imports").await;
    assert!(ran.code == 0 && ran.err.contains("no host runs: this is told of what is stored"), "{ran:?}");
    for line in ["state           auth_required", "session         none", "auth login home -c imports.toml"] {
        assert!(ran.out.contains(line), "{ran:?}");
    }
    assert!(!street.dir.path().join("imports.state").exists(), "nothing is made");
    let ran = street.tries(&STATUS, "signs-in").await;
    assert!(ran.code == 0 && ran.out.contains("nothing: the first read signs in"), "{ran:?}");

    street.does(&["auth", "login", "home"], "signs-in").await;
    street.cloud.control().reset_counters();
    let ran = street.tries(&STATUS, "signs-in").await;
    for line in [
        "nothing that is stored keeps it",
        "session         cci, signed",
        "sign-ins        1 of 4",
        "to do           nothing\n",
    ] {
        assert!(ran.code == 0 && ran.out.contains(line), "{line}: {ran:?}");
    }
    let listed = street.tries(&["auth", "status", "--json"], "signs-in").await.json();
    assert_eq!(listed[0]["auth"]["session"]["family"], "cci", "{listed}");
    let ran = street.tries(&["auth", "status", "hoem"], "signs-in").await;
    assert!(ran.code == 1 && ran.err.contains("there is no account \"hoem\"; there are: home"), "{ran:?}");

    let host = serving(street.program(&["run", "-c", "signs-in.toml"]).spawn().unwrap()).await;
    let ran = street.tries(&STATUS, "signs-in").await;
    assert!(ran.code == 0 && ran.err.is_empty() && ran.out.contains("cci, signed"), "{ran:?}");
    drop(host);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_that_was_refused_or_ended_is_told_with_what_is_to_be_done() {
    let street = Street::start().await;
    street.cloud.control().set_sign_in_outcome(SignInOutcome::BlockedPage);
    assert_eq!(street.tries(&["auth", "login", "home"], "signs-in").await.code, 1);
    let ran = street.tries(&STATUS, "signs-in").await;
    assert!(ran.code == 0 && ran.out.contains("locked_out") && ran.out.contains("nothing: wait"), "{ran:?}");
    street.does(&["auth", "logout", "home"], "imports").await;
    let ran = street.tries(&STATUS, "imports").await;
    assert!(ran.out.contains("the account was signed out"), "{ran:?}");
    // Nothing is asked, so nothing is an answer, and a code in place of the name is not said.
    let ran = street.tries(&["auth", "otp", "home"], "imports").await;
    assert!(ran.code == 1 && ran.err.contains("no question is open for the account \"home\""), "{ran:?}");
    let ran = street.tries(&["auth", "otp", "493817"], "imports").await;
    assert!(ran.code == 1 && ran.err.contains("there is no such account; there are: home"), "{ran:?}");
    assert!(!ran.err.contains("493817"), "{ran:?}");
}
