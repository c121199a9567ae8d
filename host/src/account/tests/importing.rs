//! Sessions that another program has obtained.

use secrecy::ExposeSecret as _;
use serde_json::json;

use super::Home;
use super::cloud::{ACCESS, DEVICE, REFRESH, SECRETS};
use super::connector::{Asks, REGISTRATION};
use super::questions::asked;
use crate::account::Imported;
use crate::account::session::{Cause, Refreshed};
use crate::cell::{Contents, Ends, Secrets};
use crate::protect::latch::LatchKind;
use crate::store::Kind;

/// A session of another program.
fn session() -> Secrets {
    secrets(&[("access-token", ACCESS), ("refresh-token", REFRESH)])
}

fn secrets(all: &[(&str, &str)]) -> Secrets {
    all.iter().map(|(name, secret)| ((*name).to_owned(), (*secret).into())).collect()
}

async fn import(home: &Home, tokens: Secrets) -> Result<Imported, String> {
    home.account.import(tokens, "imported".to_owned(), "test").await.map_err(|error| error.to_string())
}

#[tokio::test(start_paused = true)]
async fn a_session_ends_what_kept_the_account_from_having_one_and_nothing_is_sent_for_it() {
    let home = Home::new().await;
    home.account.set_latch(LatchKind::AuthRequired, "").await;
    assert_eq!(home.state(), "auth_required");
    let imported = import(&home, session()).await.unwrap();
    assert_eq!(imported.tokens, ["access-token", "refresh-token"]);
    assert_eq!(imported.still, None);
    assert_eq!((home.account.latched(), home.cloud.asked_at_all(), home.sign_ins()), (None, 0, 0));
    assert_ne!(home.state(), "auth_required", "without a restart");
    assert_eq!((home.session().generation, home.session().value.as_deref()), (1, Some("imported")));
    // The next host has all of it, and it is renewed as any other.
    let home = home.restarted().await;
    assert_eq!((home.account.latched(), home.session().value.as_deref()), (None, Some("imported")));
    assert_eq!(home.stored(Kind::Latch).await, "");
    assert!(matches!(home.want(Cause::Refused).await, Ok(Refreshed::Fresh)));
    assert_eq!(
        (home.cloud.asked("/refresh"), home.cloud.asked("/login"), home.session().generation),
        (1, 0, 2)
    );
}

#[tokio::test(start_paused = true)]
async fn a_question_is_over_and_of_the_session_before_only_the_device_stays() {
    let home = asked(Asks::Code).await;
    import(&home, session()).await.unwrap();
    assert_eq!((home.question(), home.stored(Kind::Question).await), (None, String::new()));
    assert_eq!(home.events(), ["question_asked", "question_ended"]);
    assert_eq!(
        home.session().secrets.keys().collect::<Vec<_>>(),
        ["access-token", "device", "refresh-token"]
    );
    import(&home, secrets(&[("access-token", "another-token-77e1")])).await.unwrap();
    assert_eq!(home.kept(), ["access-token", "device"], "no token of another session");
}

#[tokio::test(start_paused = true)]
async fn a_device_that_comes_with_the_tokens_takes_the_place_of_the_registered_one() {
    let home = Home::new().await;
    let registered = || home.account.context.cells.slot(REGISTRATION).unwrap();
    let guard = registered().acquire().await;
    let secrets_of_it = secrets(&[("device", "the-device-before"), ("state", "something-else")]);
    let contents = Contents { value: "registered".to_owned(), secrets: secrets_of_it, ends: Ends::default() };
    guard.commit(contents).await.unwrap();
    drop(guard);
    let mut tokens = session();
    tokens.insert("device".to_owned(), DEVICE.into());
    import(&home, tokens).await.unwrap();
    let cell = registered().current();
    assert_eq!((cell.generation, cell.value.as_deref()), (2, Some("registered")));
    assert_eq!(cell.secrets["device"].expose_secret(), DEVICE);
    assert_eq!(cell.secrets["state"].expose_secret(), "something-else");
    let stored = home.stored(Kind::Cell).await;
    assert!(!stored.contains("the-device-before"), "{stored}");
    // What came without a device leaves that one as it is.
    import(&home, session()).await.unwrap();
    assert_eq!(registered().current().generation, 2);
}

#[tokio::test(start_paused = true)]
async fn what_is_noted_about_a_session_ends_with_it_where_the_next_one_has_other_secrets() {
    let home = Home::new().await;
    let registered = || home.account.context.cells.slot(REGISTRATION).unwrap();
    let with_another = || {
        let mut tokens = session();
        tokens.insert("step-token".to_owned(), "a-token-of-the-device".into());
        tokens
    };
    let note = async || {
        let guard = registered().acquire().await;
        let contents = Contents { value: "noted".to_owned(), secrets: Secrets::new(), ends: Ends::default() };
        guard.commit(contents).await.unwrap().generation
    };
    import(&home, with_another()).await.unwrap();
    let generation = note().await;
    import(&home, with_another()).await.unwrap();
    assert_eq!(registered().current().value.as_deref(), Some("noted"), "the same secrets again");
    import(&home, session()).await.unwrap();
    let cell = registered().current();
    assert_eq!((cell.generation, cell.value.as_deref()), (generation, None));
    // Another host knows it too, and a set that brings one finds nothing in its way.
    note().await;
    import(&home, with_another()).await.unwrap();
    let home = home.restarted().await;
    assert_eq!(home.account.context.cells.slot(REGISTRATION).unwrap().current().value, None);
}

#[tokio::test(start_paused = true)]
async fn a_block_of_this_program_is_not_lifted_by_a_session() {
    let home = Home::new().await;
    home.account.set_latch(LatchKind::LockedOut, "").await;
    let still = import(&home, session()).await.unwrap().still.unwrap();
    assert!(still.contains("blocks this program"), "{still}");
    assert_eq!(home.state(), "locked_out");
}

#[tokio::test(start_paused = true)]
async fn where_this_program_was_refused_a_session_that_can_go_on_is_tried() {
    let home = Home::new().await;
    home.account.set_latch(LatchKind::ClientRefused, "").await;
    let still = import(&home, secrets(&[("device", DEVICE)])).await.unwrap().still;
    assert!(still.is_some_and(|still| still.contains("refuses this")), "nothing can be asked for with that");
    assert_eq!(home.state(), "client_refused");
    assert_eq!(import(&home, session()).await.unwrap().still, None);
    assert_eq!((home.account.latched(), home.stored(Kind::Latch).await), (None, String::new()));
    assert!(matches!(home.want(Cause::Refused).await, Ok(Refreshed::Fresh)));
}

#[tokio::test(start_paused = true)]
async fn only_what_the_vendor_gives_out_is_taken_and_else_nothing_changes() {
    let home = Home::new().await;
    home.account.set_latch(LatchKind::AuthRequired, "").await;
    let large = "x".repeat(8_193);
    for (name, value, said) in [
        ("password", "correct horse battery", "is a secret of the class password, which no vendor gives out"),
        ("pin", "12345678", "class pin-challenge"),
        ("one-time-code", "12345678", "class one-time-code"),
        ("token-of-nobody", "12345678", "is no secret of the connector fake; there are: access-token"),
        ("refresh-token", "", "refresh-token is empty, too short"),
        ("refresh-token", "short", "refresh-token is empty, too short"),
        ("refresh-token", "undefined", "a word for nothing"),
        ("refresh-token", "with a blank", "characters that no token has"),
        ("refresh-token", "with-a-break\n", "characters that no token has"),
        ("refresh-token", large.as_str(), "has 8193 bytes"),
    ] {
        let mut tokens = session();
        tokens.insert(name.to_owned(), value.into());
        let why = import(&home, tokens).await.unwrap_err();
        assert!(why.contains(said) && why.ends_with("nothing was imported"), "{why}");
        assert!(value.is_empty() || value == "short" || !why.contains(value), "{why}");
    }
    assert!(import(&home, Secrets::new()).await.is_err());
    let too_much = home.account.import(session(), "x".repeat(4_097), "test").await;
    assert!(too_much.unwrap_err().to_string().contains("4097 bytes"));
    assert_eq!((home.session().generation, home.state().as_str()), (0, "auth_required"));
    assert_eq!(home.stored(Kind::Cell).await, "");
}

#[tokio::test(start_paused = true)]
async fn what_was_imported_is_said_nowhere() {
    let home = Home::new().await;
    let mut tokens = session();
    tokens.insert("device".to_owned(), DEVICE.into());
    let imported = import(&home, tokens).await.unwrap();
    let standing = json!(home.account.standing());
    assert_eq!(standing["credentials"], json!(["password"]));
    assert!(standing["session"]["since"].is_string(), "{standing}");
    let places = [home.said(), json!(imported).to_string(), standing.to_string(), format!("{home:?}")];
    for (secret, place) in SECRETS.iter().flat_map(|secret| places.iter().map(move |place| (secret, place))) {
        assert!(!place.contains(secret), "{secret} in {place}");
    }
}
