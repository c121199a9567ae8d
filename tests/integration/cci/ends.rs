//! How each sign-in ends with a password that is given once: the right state, the right sentence, and one password sent.

use simulator::{Effect, Fault, Firewall, RouteKind, SignInOutcome};
use testkit::{Home, LEGACY, RealHome};

use super::given::{RIGHT, login, nobody, wrong_clock, wrong_keys};

const WRONG: &str = "incorrect donkey capacitor";

/// How a sign-in is made to end, and what follows from that.
struct End {
    name: &'static str,
    prepare: fn(&RealHome),
    password: &'static str,
    /// What the person is told who signs in: an outcome, or words of an error.
    told: &'static str,
    state: &'static str,
    /// Words that are in the account's own.
    words: &'static [&'static str],
    passwords: u64,
}

impl End {
    const fn of(name: &'static str, prepare: fn(&RealHome), told: &'static str, state: &'static str) -> Self {
        Self { name, prepare, password: RIGHT, told, state, words: &[], passwords: 1 }
    }

    const fn saying(self, words: &'static [&'static str]) -> Self {
        Self { words, ..self }
    }
}

fn ends(home: &RealHome, outcome: SignInOutcome) {
    home.control().set_sign_in_outcome(outcome);
}

/// Every end of a sign-in that is known of this cloud.
fn all() -> Vec<End> {
    let back = &["led the sign-in back", "nobody can tell which", "auth login home"];
    let nobody = &["nobody has signed in to Kia", "auth login home"];
    let wrong = End::of("a wrong password", |_| {}, "nobody can tell", "auth_required").saying(back);
    vec![
        End::of("granted", |_| {}, "signed_in", "ok"),
        End { password: WRONG, ..wrong },
        End::of(
            "back at the page",
            |home| ends(home, SignInOutcome::LoginPage),
            "nobody can",
            "auth_required",
        )
        .saying(back),
        End::of("refused", |home| ends(home, SignInOutcome::Refused), "words say why", "auth_required")
            .saying(&["The account is not active", "auth login home"]),
        End::of("consent", |home| ends(home, SignInOutcome::Consent), "asked", "consent_required")
            .saying(&["terms", "auth answer home"]),
        End::of("blocked by a page", |home| ends(home, SignInOutcome::BlockedPage), "blocks", "locked_out")
            .saying(&["blocks this program"]),
        End::of(
            "blocked by a redirect",
            |home| ends(home, SignInOutcome::BlockedRedirect),
            "blocks",
            "locked_out",
        )
        .saying(&["blocks this program"]),
        End {
            passwords: 0,
            ..End::of(
                "blocked before the form",
                |home| home.control().set_firewall(Some(Firewall::Page)),
                "blocks",
                "locked_out",
            )
            .saying(&["blocks this program"])
        },
        // The service behind it is unwell for this account: the password was right, and there is a session.
        End::of(
            "9001 at the exchange",
            |home| home.control().fail_exchanges(1_000),
            "signed_in",
            "upstream_down",
        )
        .saying(&["external service error"]),
        End::of("9001 for the code", |home| fails(home, "9001"), "something is wrong", "auth_required")
            .saying(nobody),
        End::of("a wrong clock", wrong_clock, "the clock of this machine is wrong", "auth_required")
            .saying(nobody),
        End::of("wrong keys", wrong_keys, "its gate keys", "client_refused").saying(&["gate keys"]),
        End::of(
            "wrong keys and calls without a signature",
            |home| home.control().set_gate_keys(["NEW", "KEYS", "TODAY"].map(str::to_owned)),
            "signed_in",
            "ok",
        ),
        End::of("unwell", |home| answers(home, 503, "<html>unwell</html>"), "unwell", "auth_required")
            .saying(nobody),
    ]
}

fn fails(home: &RealHome, code: &str) {
    let fault = Fault::new(RouteKind::CodeExchange, Effect::envelope(code, "something is wrong"));
    home.control().inject(fault.forever());
}

fn answers(home: &RealHome, status: u16, body: &str) {
    home.control().inject(Fault::new(RouteKind::SignIn, Effect::answer(status, body)).forever());
}

#[tokio::test(flavor = "multi_thread")]
async fn each_end_has_its_state_and_its_sentence_and_costs_the_password_that_was_given() {
    for end in all() {
        let home = nobody().await;
        (end.prepare)(&home);
        let answer = login(&home, end.password).await.to_string();
        assert!(answer.contains(end.told), "{}: {answer}", end.name);
        let is_signed_in = answer.contains("signed_in");
        if is_signed_in {
            home.host.find_vehicles().await;
        }
        let account = home.account_is(end.state).await;
        let said = account.to_string();
        for word in end.words {
            assert!(said.contains(word), "{}: {word:?} is not in {said}", end.name);
        }
        // Where nobody can tell whether it is, both causes are named; else it is not spoken of.
        let reason = account["reason"].as_str().unwrap_or_default();
        let blames =
            reason.contains("wrong password") || reason.contains("refused the sign-in with what was given");
        assert_eq!(blames, reason.contains("nobody can tell which"), "{}: {reason}", end.name);
        for text in [&answer, &said] {
            assert!(!text.contains(RIGHT) && !text.contains(WRONG), "{}: {text}", end.name);
        }
        // Whatever is asked for then: what was given is not there any more, and is not sent again.
        for _ in 0..3 {
            home.clock.advance(13 * 3_600);
            home.command(LEGACY.0, "refresh_cached", "").await;
        }
        let counters = home.control().counters();
        assert_eq!(counters.sign_ins_asked, end.passwords, "{}: {counters:?}", end.name);
    }
}
