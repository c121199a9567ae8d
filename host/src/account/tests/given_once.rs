//! Sign-ins with credentials that a person gives for them, and accounts that nobody is signed in to.

use serde_json::json;

use super::Home;
use super::cloud::{CODE, PASSWORD, SECRETS};
use super::connector::Asks;
use super::policy::OVER;
use super::questions::{refused, still};
use crate::account::session::{Cause, RefreshError};
use crate::account::{Given, NotProgressed, Progressed};
use crate::config;
use crate::descriptor::{Configured, SecretClass, SecretRule};
use crate::protect::latch::LatchKind;
use crate::store::Kind;

const USERNAME: &str = "owner@example.org";

/// Everything that a sign-in leaves in a store.
const KINDS: [Kind; 9] = [
    Kind::Cell,
    Kind::Credentials,
    Kind::Latch,
    Kind::Doubt,
    Kind::Question,
    Kind::Retried,
    Kind::Daily,
    Kind::DayBudget,
    Kind::Audit,
];

/// An account whose owner has configured nothing, and whose connector would take a name and a password.
pub(super) fn config_without() -> config::Account {
    let mut config = super::home::config();
    config.secrets.clear();
    let name = SecretRule {
        endpoints: ["idp".to_owned()].into(),
        ..SecretRule::new(SecretClass::Identifier, Configured::Optional)
    };
    config.rules.insert("username".to_owned(), name);
    config
}

pub(super) async fn home(asks: Asks) -> Home {
    let home = Home::with(config_without()).await;
    *home.connector.asks.lock() = asks;
    home.account.announce();
    home
}

pub(super) fn given(password: &str) -> Given {
    Given { username: Some(USERNAME.into()), password: Some(password.into()) }
}

pub(super) async fn login(home: &Home, password: &str) -> Result<Progressed, NotProgressed> {
    home.account.login("test", given(password)).await
}

/// Checks that nothing has what was given.
async fn is_stored_nowhere(home: &Home) {
    for kind in KINDS {
        let stored = home.stored(kind).await;
        assert!(!stored.contains(PASSWORD) && !stored.contains(USERNAME), "{stored}");
    }
}

/// Refuses the password from now on.
pub(super) fn refuse(home: &Home) {
    home.cloud.answer("/login", 400, json!({"code": "403042", "message": "no"}));
}

/// Takes it again.
pub(super) fn accept(home: &Home) {
    home.cloud.answer("/login", 200, json!({"step": super::cloud::STEP, "device": super::cloud::DEVICE}));
}

#[tokio::test(start_paused = true)]
async fn an_account_that_only_a_person_can_sign_in_starts_so_and_sends_nothing() {
    let home = home(Asks::Nothing).await;
    assert_eq!(home.state(), "auth_required");
    let sentence = "nobody has signed in to Kia, and no password is configured: sign in with \
                    `vehicle-connector auth login main`";
    assert_eq!(home.document()["reason"], sentence);
    for cause in [Cause::Missing, Cause::Refused, Cause::Ended] {
        let RefreshError::Latched(latched) = home.want(cause).await.unwrap_err() else { unreachable!() };
        assert_eq!((latched.kind, latched.reason.as_str()), (LatchKind::AuthRequired, sentence));
    }
    let why = home.account.retry("test").await.unwrap_err().to_string();
    assert!(why.contains("nothing of it was refused"), "{why}");
    let why = refused(home.account.login("test", Given::default()).await);
    assert!(why.contains("auth login main` asks for it"), "{why}");
    assert_eq!((home.cloud.asked_at_all(), home.sign_ins()), (0, 0));
    assert_eq!(home.stored(Kind::Latch).await, "", "found out anew at every start");
}

#[tokio::test(start_paused = true)]
async fn a_password_is_used_for_the_sign_in_and_its_question_and_is_stored_nowhere() {
    let home = home(Asks::Code).await;
    still(login(&home, PASSWORD).await);
    // What was given is no answer, as little as what is configured.
    let why = refused(home.answer(PASSWORD).await);
    assert!(!why.contains(PASSWORD), "{why}");
    let pending = home.account.questions.current().unwrap();
    assert!(pending.given_once.contains_key("password") && !format!("{pending:?}").contains(PASSWORD));
    drop(pending);
    // Nor while it is needed: with the question there is what the vendor has given out, and who has begun it as a digest.
    assert_ne!(home.stored(Kind::Question).await, "");
    is_stored_nowhere(&home).await;
    assert_eq!(home.answer(CODE).await.unwrap(), Progressed::SignedIn);
    assert!(home.account.questions.current().is_none(), "it went with the question");
    assert_eq!((home.sign_ins(), home.cloud.asked("/login"), home.cloud.asked("/verify")), (1, 1, 1));
    assert!(home.account.latched().is_none(), "without a restart");
    is_stored_nowhere(&home).await;
    assert!(!home.said().contains(USERNAME) && SECRETS.iter().all(|secret| !home.said().contains(secret)));

    let home = home.restarted().await;
    assert_eq!((home.session().generation, home.account.latched()), (1, None), "the session outlives it");
    assert_eq!(home.kept(), ["access-token", "device", "refresh-token", "step-token"]);
    home.want(Cause::Ended).await.unwrap();
    assert_eq!((home.cloud.asked("/refresh"), home.sign_ins()), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_session_goes_on_with_what_is_configured_later_and_not_with_another_ones() {
    let signed_in = async || {
        let home = home(Asks::Nothing).await;
        assert_eq!(login(&home, PASSWORD).await.unwrap(), Progressed::SignedIn);
        home
    };
    let pin = |config: &mut config::Account| drop(config.secrets.insert("pin".to_owned(), "1234".into()));
    let home = signed_in().await.reconfigured(pin).await;
    assert_eq!(home.session().value.as_deref(), Some("v"), "a PIN signs nobody in");
    let with_password = |config: &mut config::Account| {
        config.secrets.insert("username".to_owned(), USERNAME.into());
        config.secrets.insert("password".to_owned(), PASSWORD.into());
    };
    let home = home.reconfigured(with_password).await;
    assert_eq!(home.session().value.as_deref(), Some("v"), "the same one");
    let home = home.reconfigured(|config| drop(config.secrets.remove("password"))).await;
    assert_eq!(home.session().value.as_deref(), Some("v"), "nobody need write it down for good");

    let home = signed_in().await;
    let home = home
        .reconfigured(|config| {
            config.secrets.insert("username".to_owned(), "somebody@example.org".into());
        })
        .await;
    assert_eq!((home.session().value.as_ref(), home.kept()), (None, Vec::new()), "somebody else");
    assert_eq!(home.account.latched().unwrap().kind, LatchKind::AuthRequired);
}

#[tokio::test(start_paused = true)]
async fn a_wrong_password_is_sent_once_and_another_one_is_no_retry() {
    let home = home(Asks::Nothing).await;
    refuse(&home);
    let why = refused(login(&home, "wrong").await);
    assert!(
        why.contains("refused the sign-in with what was given for it") && !why.contains("wrong"),
        "{why}"
    );
    assert_eq!((home.state().as_str(), home.sign_ins(), home.cloud.asked("/login")), ("auth_required", 1, 1));
    assert!(matches!(home.want(Cause::Missing).await, Err(RefreshError::Latched(_))));
    assert_eq!(home.cloud.asked("/login"), 1, "nothing by itself");
    for n in 2..=3 {
        login(&home, "wrong as well").await.unwrap_err();
        assert_eq!(home.sign_ins(), n);
    }
    accept(&home);
    assert_eq!(login(&home, PASSWORD).await.unwrap(), Progressed::SignedIn);
    assert_eq!((home.account.retries().await, home.account.latched()), (Vec::new(), None));
    // Four a day, whoever types them.
    let why = refused(login(&home, PASSWORD).await);
    assert_eq!(why, "4 sign-ins within a day, which is as many as the configuration allows");
    assert_eq!((home.sign_ins(), home.cloud.asked("/login")), (4, 4));
}

#[tokio::test(start_paused = true)]
async fn a_wrong_password_does_not_stop_a_session_that_is_in_use() {
    let home = home(Asks::Nothing).await;
    login(&home, PASSWORD).await.unwrap();
    refuse(&home);
    let why = refused(login(&home, "wrong").await);
    assert!(why.ends_with("the session that there was is used as before"), "{why}");
    assert_eq!((home.account.latched(), home.session().generation), (None, 1));
    assert!(home.stored(Kind::Audit).await.contains("the session that is there goes on"));
    home.pass(60);
    home.want(Cause::Ended).await.unwrap();
    assert_eq!((home.cloud.asked("/refresh"), home.session().generation), (1, 2));
}

#[tokio::test(start_paused = true)]
async fn the_rules_of_a_password_hold_as_if_it_were_configured() {
    // The connector sends it with every poll of its question: two requests of a sign-in carry it.
    let home = home(Asks::Insisting).await;
    still(login(&home, PASSWORD).await);
    home.account.keep();
    tokio::time::sleep(std::time::Duration::from_secs(120)).await;
    assert_eq!((home.cloud.asked("/login"), home.sign_ins()), (2, 1));
    // And none where no sign-in is allowed.
    let mut config = config_without();
    config.max_logins_per_day = 0;
    let home = Home::with(config).await;
    let why = refused(login(&home, PASSWORD).await);
    assert!(why.contains("0 sign-ins within a day"), "{why}");
    assert_eq!(home.cloud.asked_at_all(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_restart_in_the_middle_loses_the_password_and_says_so_by_asking_again() {
    let home = home(Asks::Insisting).await;
    still(login(&home, PASSWORD).await);
    let home = home.restarted().await;
    assert!(home.account.questions.current().unwrap().given_once.is_empty());
    home.account.keep();
    tokio::time::sleep(std::time::Duration::from_secs(700)).await;
    assert_eq!(home.cloud.asked("/login"), 1, "there is none to send");
    assert_eq!(home.account.latched().unwrap().kind, LatchKind::OtpRequired);
    assert_eq!(login(&home, PASSWORD).await.map(|_| home.sign_ins()).unwrap(), 2);
}

#[tokio::test(start_paused = true)]
async fn two_at_once_are_one_sign_in() {
    let home = home(Asks::Nothing).await;
    let (one, other) = tokio::join!(login(&home, PASSWORD), login(&home, PASSWORD));
    assert_eq!((one.unwrap(), other.unwrap()), (Progressed::SignedIn, Progressed::SignedIn));
    assert_eq!((home.cloud.asked("/login"), home.sign_ins(), home.session().generation), (1, 1, 1));
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_right_is_not_sent_and_not_quoted() {
    let home = home(Asks::Nothing).await;
    for wrong in ["", "  ", "two\nlines", "nul\0", &"x".repeat(5_000)] {
        let why = refused(login(&home, wrong).await);
        assert!(why.ends_with("nothing was sent") && !why.contains("xxx") && !why.contains("two"), "{why}");
    }
    let configured = Home::new().await;
    let why = refused(login(&configured, "another").await);
    assert!(why.contains("signs in without a username"), "{why}");
    let only = Given { username: None, password: Some("another".into()) };
    let why = refused(configured.account.login("test", only).await);
    assert!(why.contains("has a password already") && !why.contains("another"), "{why}");
    assert_eq!(home.cloud.asked_at_all() + configured.cloud.asked_at_all(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_session_that_is_over_leads_back_to_the_person() {
    let home = home(Asks::Nothing).await;
    login(&home, PASSWORD).await.unwrap();
    home.cloud.answer("/refresh", 400, json!({"code": OVER, "message": "the login token is over"}));
    assert!(matches!(home.want(Cause::Refused).await, Err(RefreshError::Latched(_))));
    assert_eq!(
        home.document()["reason"],
        "Kia has ended the session, and only a sign-in brings another one: sign in with `vehicle-connector auth login main`"
    );
    assert_eq!((home.cloud.asked("/refresh"), home.cloud.asked("/login")), (1, 1));
    assert_eq!(login(&home, PASSWORD).await.unwrap(), Progressed::SignedIn);
    assert_eq!((home.session().generation, home.sign_ins(), home.account.latched()), (2, 2, None));
}

#[tokio::test(start_paused = true)]
async fn signing_out_forgets_everything_and_lasts() {
    let home = Home::new().await;
    *home.connector.asks.lock() = Asks::Nothing;
    home.want(Cause::Missing).await.unwrap();
    let done = home.account.logout("test").await.unwrap();
    assert_eq!(done.forgotten, ["access-token", "device", "refresh-token", "step-token"]);
    assert_eq!((home.state().as_str(), home.kept()), ("auth_required", Vec::new()));
    for kind in KINDS {
        let stored = home.stored(kind).await;
        assert!(SECRETS.iter().all(|secret| !stored.contains(secret)), "{stored}");
    }
    // The password is configured, and is not used: a person has wanted it so, and no restart knows better.
    let before = home.cloud.asked_at_all();
    assert!(matches!(home.want(Cause::Missing).await, Err(RefreshError::Latched(_))));
    let home = home.restarted().await;
    assert!(matches!(home.want(Cause::Missing).await, Err(RefreshError::Latched(_))));
    assert!(home.account.retry("test").await.is_err(), "nothing was refused");
    assert_eq!(home.cloud.asked_at_all(), before);
    assert_eq!(
        home.account.logout("test").await.unwrap().forgotten,
        Vec::<String>::new(),
        "twice is as once"
    );

    assert_eq!(home.account.login("test", Given::default()).await.unwrap(), Progressed::SignedIn);
    assert_eq!((home.session().generation, home.sign_ins()), (2, 2));
    assert_eq!((home.account.retries().await, home.account.latched()), (Vec::new(), None));
}

#[tokio::test(start_paused = true)]
async fn signing_out_ends_the_question_and_other_credentials_end_it() {
    let home = super::questions::asked(Asks::Code).await;
    home.account.logout("test").await.unwrap();
    assert_eq!((home.question(), home.stored(Kind::Question).await), (None, String::new()));
    assert_eq!(home.events().last().map(String::as_str), Some("question_ended"));
    let home =
        home.reconfigured(|config| drop(config.secrets.insert("password".to_owned(), "new".into()))).await;
    assert!(home.account.latched().is_none(), "its owner wants it signed in with these");
}

#[tokio::test(start_paused = true)]
async fn a_password_that_is_sent_again_after_consent_is_another_sign_in() {
    let home = home(Asks::Terms).await;
    assert_eq!(still(login(&home, PASSWORD).await)["kind"], "consent");
    assert_eq!(home.sign_ins(), 1);
    assert_eq!(home.answer("confirmed").await.unwrap(), Progressed::SignedIn);
    assert_eq!((home.cloud.asked("/login"), home.sign_ins()), (2, 2));

    // Which may be one too many.
    let mut config = config_without();
    config.max_logins_per_day = 1;
    let home = Home::with(config).await;
    *home.connector.asks.lock() = Asks::Terms;
    still(login(&home, PASSWORD).await);
    let why = refused(home.answer("confirmed").await);
    assert!(why.contains("1 sign-ins within a day"), "{why}");
    assert_eq!((home.cloud.asked("/login"), home.sign_ins()), (1, 1));
}
