//! The real program, killed at every step of a sign-in, of a refresh and of an exchange, and started again on the same
//! state: no set of tokens is lost that the cloud has given out, or the loss is told.

use std::time::Duration;

use fastrand::Rng;
use futures_util::StreamExt as _;
use simulator::{Config as Cloud, Effect, Fault, RouteKind};
use testkit::password;

use super::house::{GIVEN_ONCE, House};
use crate::crash::kill;
use crate::program::{PATIENCE, ended};

/// Number of kills that are tried where time does not matter: each step, moment and kind of credentials twice.
const KILLS: u64 = 100;

/// Kills that are made at the same time.
const AT_ONCE: usize = 4;

/// The steps, and whether they are those of a session that is renewed.
const STEPS: [(RouteKind, bool); 8] = [
    (RouteKind::Register, false),
    (RouteKind::SignInPage, false),
    (RouteKind::Certs, false),
    (RouteKind::SignIn, false),
    (RouteKind::CodeExchange, false),
    (RouteKind::TokenExchange, false),
    (RouteKind::TokenRefresh, true),
    (RouteKind::TokenExchange, true),
];

/// When the host is killed in a step.
#[derive(Debug, Clone, Copy)]
enum Moment {
    /// Before the cloud has done what it was asked for.
    Before,
    /// When the cloud has done it, and before it answers.
    Acted,
    /// So long after the cloud was asked: while it answers, while that is stored, or a little later.
    Later(Duration),
}

/// One kill.
#[derive(Debug, Clone, Copy)]
struct Kill {
    step: RouteKind,
    renews: bool,
    moment: Moment,
    /// Whether the password was given once, and is not configured.
    given_once: bool,
}

impl Kill {
    fn of(seed: u64) -> Self {
        let place = usize::try_from(seed).unwrap();
        let (step, renews) = STEPS[place % STEPS.len()];
        let later = Duration::from_millis(Rng::with_seed(seed).u64(..80));
        let moments = [Moment::Acted, Moment::Before, Moment::Later(later)];
        let moment = moments[place / STEPS.len() % moments.len()];
        Self { step, renews, moment, given_once: place / STEPS.len() / moments.len() % 2 == 1 }
    }

    /// Has the cloud hold the step, unless the host is killed a little later.
    fn prepare(self, house: &House) {
        let held = Fault::new(self.step, Effect::Hold);
        match self.moment {
            Moment::Before => house.control().inject(held),
            Moment::Acted => house.control().inject(held.after_acting()),
            Moment::Later(_) => {}
        }
    }

    /// Waits until it is time. `asked` is how often the cloud was asked for the step before.
    async fn is_due(self, house: &House, asked: u64) {
        let control = house.control();
        let due = async {
            match self.moment {
                Moment::Before | Moment::Acted => _ = control.wait_until(|counters| counters.held == 1).await,
                Moment::Later(time) => {
                    control.wait_until(|counters| counters.of(self.step) > asked).await;
                    // Any moment will do.
                    tokio::time::sleep(time).await;
                }
            }
        };
        tokio::time::timeout(PATIENCE, due).await.unwrap_or_else(|_| panic!("{self:?}: never due"));
    }
}

/// How a host goes on that was started after a kill.
#[derive(Debug, PartialEq, Eq)]
enum GoesOn {
    /// The car is read.
    Works,
    /// A person has to sign in, and this says why.
    Told(String),
}

/// Reads a car until that works, or until the account says that a person has to do something.
async fn goes_on(house: &House) -> GoesOn {
    let going = async {
        loop {
            if house.run(&["refresh", "niro"]).await.code == 0 {
                return GoesOn::Works;
            }
            let account = house.account().await;
            if account["state"] == "auth_required" {
                return GoesOn::Told(account["reason"].as_str().unwrap_or_default().to_owned());
            }
        }
    };
    tokio::time::timeout(PATIENCE, going).await.expect("it goes on, or says why not")
}

/// Kills a host as the seed wants it, and looks at the one that is started then.
async fn kills(seed: u64) {
    let it = Kill::of(seed);
    let Cloud { password, .. } = Cloud::default();
    // Sets that live so shortly are refreshed with every exchange.
    let cloud = Cloud { cci_token_lifetime: Duration::from_secs(600), ..Cloud::default() };
    let house = House::start(cloud, if it.given_once { GIVEN_ONCE } else { password::LINES }).await;

    let mut host = None;
    if it.renews {
        host = Some(house.host().await.0);
        if it.given_once {
            assert_eq!(house.login(&password).await.code, 0);
        }
        assert_eq!(house.run(&["refresh", "niro"]).await.code, 0, "{it:?}");
        house.control().expire_access_token();
    }
    let asked = house.counters().of(it.step);
    it.prepare(&house);
    let host = match host {
        Some(host) => host,
        None => house.host().await.0,
    };
    let asking = if it.given_once && !it.renews {
        house.begin_login(&password).await
    } else {
        house.program(&["refresh", "niro"]).spawn().unwrap()
    };
    it.is_due(&house, asked).await;
    kill(host).await;
    let killed = house.counters();
    house.control().release();
    house.control().clear_faults();
    ended(asking).await;

    let (host, mut log) = house.host().await;
    let went_on = goes_on(&house).await;
    let counters = house.counters();
    let again = counters.sign_ins_asked - killed.sign_ins_asked;
    match &went_on {
        GoesOn::Works if it.given_once => {
            assert_eq!(again, 0, "seed {seed}, {it:?}: nobody has the password")
        }
        GoesOn::Works => assert!(again <= 1, "seed {seed}, {it:?}: {again} passwords more"),
        GoesOn::Told(reason) => {
            assert!(it.given_once, "seed {seed}, {it:?}: the password is configured, and yet: {reason}");
            let why = if it.renews { "has ended the session" } else { "nobody has signed in" };
            assert!(
                reason.contains(why) && reason.contains("auth login home"),
                "seed {seed}, {it:?}: {reason}"
            );
            assert_eq!(again, 0);
            let ran = house.login(&password).await;
            assert_eq!(ran.code, 0, "seed {seed}, {it:?}: {ran:?}");
            assert_eq!(house.run(&["refresh", "niro"]).await.code, 0);
        }
    }
    // What has left counts, also when nobody was there for its answer.
    let logins = house.account().await["logins_today"].as_u64().unwrap();
    let sent = house.counters().sign_ins_asked;
    let unsure = u64::from(!it.renews);
    assert!((sent..=sent + unsure).contains(&logins), "seed {seed}, {it:?}: {logins} counted, {sent} sent");

    // What is stored is one whole set, and the newest: the next one is made of it.
    let made = house.counters().refreshes;
    let sent = house.counters().sign_ins_asked;
    house.control().expire_access_token();
    assert_eq!(goes_on(&house).await, GoesOn::Works, "seed {seed}, {it:?}");
    assert_eq!((house.counters().refreshes - made, house.counters().sign_ins_asked), (1, sent), "{it:?}");
    let notes = house.control().log().into_iter().filter_map(|entry| entry.note);
    let mixed: Vec<_> =
        notes.filter(|note| note.contains("of one set") || note.contains("same set")).collect();
    assert!(mixed.is_empty(), "seed {seed}, {it:?}: {mixed:?}");
    kill(host).await;
    if it.renews && again == 1 {
        let mut said = String::new();
        while let Some(line) = log.recv().await {
            said += &line;
        }
        assert!(
            said.contains("the session is over; the account is signed in anew"),
            "seed {seed}, {it:?}: {said}"
        );
    }
}

/// The set is lost on its way, with the password configured and given once; the code and the password are on their way;
/// and moments in between.
#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_is_killed_in_a_sign_in_or_a_refresh_goes_on_or_says_why_not() {
    futures_util::stream::iter([4, 6, 14, 23, 28, 30, 47]).for_each_concurrent(AT_ONCE, kills).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes minutes"]
async fn a_host_that_is_killed_a_hundred_times_goes_on_or_says_why_not() {
    futures_util::stream::iter(0..KILLS).for_each_concurrent(AT_ONCE, kills).await;
}
