//! Sessions of the token service since 2026, as kia_uvo and evcc keep them: one host signs in by password, and another
//! one, which has none, goes on with what a program would have kept of that.

use serde_json::{Value, json};

use super::street::Street;
use crate::program::Ran;

#[tokio::test(flavor = "multi_thread")]
async fn a_session_of_another_program_is_used_and_renewed_without_a_password() {
    for from in ["evcc", "kia-uvo"] {
        let street = Street::start().await;
        let kept = street.kept_by_another_program().await;
        let file = match from {
            "evcc" => kept.clone(),
            _ => json!({"data": {"entries": [
                {"entry_id": "a", "domain": "kia_uvo", "data": {"brand": 1, "region": 1, "token": kept}},
            ]}}),
        };
        street.write("kept.json", &file);
        street.cloud.control().reset_counters();
        let said =
            street.does(&["auth", "import", "home", "kept.json", "--from", from, "--yes"], "imports").await;
        assert!(said.contains("a session of 8 tokens was imported"), "{said}");
        let sent = street.counters();
        assert_eq!((sent.sign_ins_asked, sent.refreshes_asked, sent.token_exchanges_asked), (0, 0, 0));
        let session: Value =
            serde_json::from_str(street.session("imports")["value"].as_str().unwrap()).unwrap();
        assert_eq!(session, json!({"family": "cci", "route": "signed", "device": kept["device_id"]}));

        // It reads with the token that came with it, and as the device that it came with.
        street.does(&["refresh", "niro"], "imports").await;
        let read = street.counters();
        assert_eq!((read.sign_ins_asked, read.refreshes_asked), (0, 0), "{read:?}");
        assert_eq!(read.registrations, 0, "{read:?}");
        // And when that token is over, it is renewed by the set.
        street.cloud.control().expire_access_token();
        street.does(&["refresh", "niro"], "imports").await;
        let renewed = street.counters();
        assert_eq!((renewed.sign_ins_asked, renewed.gate_refusals), (0, 0), "{renewed:?}");
        assert!(renewed.refreshes > 0 && renewed.token_exchanges > 0, "{renewed:?}");
        assert_ne!(street.session("imports")["secrets"]["cci-refresh-token"], kept["refresh_token"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_is_imported_after_another_one_brings_its_own_device() {
    let street = Street::start().await;
    let kept = street.kept_by_another_program().await;
    street.write("kept.json", &kept);
    let import = ["auth", "import", "home", "kept.json", "--from", "evcc", "--yes"];
    street.does(&import, "imports").await;
    street.does(&["refresh", "niro"], "imports").await;
    street.does(&["auth", "logout", "home"], "imports").await;
    street.cloud.control().reset_counters();
    street.does(&import, "imports").await;
    street.does(&["refresh", "niro"], "imports").await;
    street.cloud.control().expire_access_token();
    street.does(&["refresh", "niro"], "imports").await;
    let sent = street.counters();
    assert_eq!(
        (sent.registrations, sent.refreshes, sent.refused),
        (0, 1, 1),
        "one token had ended: {sent:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_of_another_brand_is_not_taken() {
    let street = Street::start().await;
    let kept = street.kept_by_another_program().await;
    street.write("entry.json", &json!({"entry_id": "a", "data": {"brand": 2, "token": kept}}));
    let arguments =
        ["auth", "import", "home", "entry.json", "--from", "kia-uvo", "--yes", "-c", "imports.toml"];
    let Ran { code, err: said, .. } = street.run(&arguments).await;
    assert_eq!(code, 2, "{said}");
    assert!(said.contains("this is a session of hyundai, and the account home is one of kia"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_set_without_an_access_token_is_renewed_and_one_that_nobody_can_renew_is_not_taken() {
    let street = Street::start().await;
    let mut kept = street.kept_by_another_program().await;
    kept["access_token"] = json!(null);
    street.write("kept.json", &kept);
    kept.as_object_mut().unwrap().remove("device_id");
    street.write("without.json", &kept);
    street.write(
        "legacy.json",
        &json!({"session": {"family": "legacy"}, "access-token": "AN-ACCESS-TOKEN-OF-MINE"}),
    );
    street.cloud.control().reset_counters();
    let import = |file| ["auth", "import", "home", file, "--yes", "--from"];
    let ran = street.tries(&[&import("legacy.json")[..], &["json"]].concat(), "imports").await;
    let why =
        "a session of the kind legacy is renewed with refresh-token, and without refresh-token nobody can";
    assert!(ran.code == 1 && ran.err.contains(why) && !ran.err.contains("OF-MINE"), "{ran:?}");
    assert!(ran.err.contains("nothing was imported"), "{ran:?}");
    let ran = street.tries(&[&import("without.json")[..], &["evcc"]].concat(), "imports").await;
    assert!(ran.code == 2 && ran.err.contains("device_id is missing"), "{ran:?}");

    let said = street.does(&[&import("kept.json")[..], &["evcc"]].concat(), "imports").await;
    assert!(said.contains("a session of 7 tokens was imported"), "{said}");
    street.does(&["refresh", "niro"], "imports").await;
    let sent = street.counters();
    assert_eq!((sent.sign_ins_asked, sent.registrations, sent.refreshes), (0, 0, 1), "{sent:?}");
}
