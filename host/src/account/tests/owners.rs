//! Whose session it is, when another one signs in, out, or comes from elsewhere.

use serde_json::Value;

use super::Home;
use super::cloud::{ACCESS, CODE, PASSWORD};
use super::connector::{Asks, REGISTRATION};
use super::given_once::{home, login};
use super::questions::still;
use crate::account::{Given, Progressed};
use crate::cell::{Contents, Ends};
use crate::primitives::SESSION;
use crate::store::Kind;

const OTHER: &str = "somebody@example.org";

/// Who is on record, as a digest.
async fn on_record(home: &Home) -> String {
    let stored = home.stored(Kind::Credentials).await;
    let owner: Value = serde_json::from_str(stored.trim().split_once(' ').unwrap().1).unwrap();
    owner["identity"].as_str().unwrap().to_owned()
}

async fn login_as(home: &Home, name: &str) -> Progressed {
    let given = Given { username: Some(name.into()), password: Some(PASSWORD.into()) };
    home.account.login("test", given).await.unwrap()
}

/// Puts something into the cell of the registration, as an operation of before has.
async fn registered(home: &Home) {
    let guard = home.account.context.cells.slot(REGISTRATION).unwrap().acquire().await;
    let secrets = [("state".to_owned(), "the-permission-of-before".into())].into();
    guard.commit(Contents { value: "r".to_owned(), secrets, ends: Ends::default() }).await.unwrap();
}

fn registration(home: &Home) -> Option<String> {
    home.account.context.cells.slot(REGISTRATION).unwrap().current().value.clone()
}

#[tokio::test(start_paused = true)]
async fn a_question_that_is_answered_after_a_restart_is_of_who_has_begun_it() {
    let asked = home(Asks::Code).await;
    let nobody = on_record(&asked).await;
    still(login(&asked, PASSWORD).await);
    let restarted = asked.restarted().await;
    assert_eq!(restarted.answer(CODE).await.unwrap(), Progressed::SignedIn);
    let owner = on_record(&restarted).await;
    let at_once = home(Asks::Nothing).await;
    login(&at_once, PASSWORD).await.unwrap();
    assert_eq!(owner, on_record(&at_once).await);
    assert_ne!(owner, nobody);
    // So it goes on with the same name in the configuration, and not with another one.
    let name = |name: &'static str| {
        move |config: &mut crate::config::Account| {
            config.secrets.insert("username".to_owned(), name.into());
        }
    };
    let same = restarted.reconfigured(name("owner@example.org")).await;
    assert!(same.session().value.is_some(), "the same one");
    assert!(same.reconfigured(name(OTHER)).await.session().value.is_none(), "another one");
}

#[tokio::test(start_paused = true)]
async fn who_signs_out_owns_nothing_of_what_comes_next() {
    let home = home(Asks::Nothing).await;
    let nobody = on_record(&home).await;
    login(&home, PASSWORD).await.unwrap();
    assert_ne!(on_record(&home).await, nobody);
    home.account.logout("test").await.unwrap();
    assert_eq!(on_record(&home).await, nobody);

    // A session from elsewhere is of what is configured, whoever was signed in before.
    login(&home, PASSWORD).await.unwrap();
    let tokens = [("access-token".to_owned(), ACCESS.into())].into();
    home.account.import(tokens, "imported".to_owned(), "test").await.unwrap();
    assert_eq!(on_record(&home).await, nobody);
    let as_before = |config: &mut crate::config::Account| {
        config.secrets.insert("username".to_owned(), "owner@example.org".into());
    };
    assert!(home.reconfigured(as_before).await.session().value.is_none(), "nobody knows whose it was");
}

#[tokio::test(start_paused = true)]
async fn of_another_one_nothing_stays() {
    let home = home(Asks::Nothing).await;
    login(&home, PASSWORD).await.unwrap();
    registered(&home).await;
    // A token that the next sign-in does not bring.
    let session = home.account.context.cells.slot(SESSION).unwrap().acquire().await;
    session.add_secrets([("state".to_owned(), "the-token-of-before".into())].into()).await.unwrap();
    drop(session);
    assert_eq!(login_as(&home, "owner@example.org").await, Progressed::SignedIn);
    let all = ["access-token", "device", "refresh-token", "state", "step-token"];
    assert_eq!((home.kept(), registration(&home).as_deref()), (all.map(str::to_owned).to_vec(), Some("r")));

    assert_eq!(login_as(&home, OTHER).await, Progressed::SignedIn);
    assert_eq!(home.kept(), ["access-token", "device", "refresh-token", "step-token"]);
    assert_eq!((home.session().generation, registration(&home)), (3, None));
    let stored = home.stored(Kind::Cell).await;
    assert!(!stored.contains("-of-before"), "{stored}");
    let home = home.restarted().await;
    assert_eq!((home.kept().len(), registration(&home)), (4, None));
}

#[tokio::test(start_paused = true)]
async fn what_the_sign_in_itself_has_put_there_stays() {
    let home = home(Asks::Code).await;
    still(login_as_asked(&home).await);
    // Between its calls, over a restart too.
    registered(&home).await;
    let home = home.restarted().await;
    assert_eq!(home.answer(CODE).await.unwrap(), Progressed::SignedIn);
    assert_eq!(registration(&home).as_deref(), Some("r"));
}

async fn login_as_asked(home: &Home) -> Result<Progressed, crate::account::NotProgressed> {
    home.account.login("test", Given { username: Some(OTHER.into()), password: Some(PASSWORD.into()) }).await
}

#[tokio::test(start_paused = true)]
async fn a_sign_in_of_another_one_that_comes_to_nothing_changes_nothing() {
    let home = home(Asks::Nothing).await;
    login(&home, PASSWORD).await.unwrap();
    registered(&home).await;
    let owner = on_record(&home).await;
    super::given_once::refuse(&home);
    login_as_asked(&home).await.unwrap_err();
    assert_eq!((on_record(&home).await, registration(&home).as_deref()), (owner, Some("r")));
}
