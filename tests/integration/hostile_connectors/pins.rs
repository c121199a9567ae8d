//! A PIN that goes with a command, and a connector that makes something else of its refusal.

use serde_json::json;
use testkit::acme::{self, AcmeHome};
use testkit::handmade::connector::DONE;

const API: &str = "https://api.acme.example/lock";

#[tokio::test(start_paused = true)]
async fn a_refused_pin_is_sent_once_whatever_the_connector_says() {
    let sends = acme::telling(&[json!({ "url": format!("{API}?{{secret:pin}}") })]);
    // It says that all is well, that the car is busy, or nothing at all.
    for (what, says) in [("well", DONE), ("busy", "(call $failed `busy`)"), ("traps", "unreachable")] {
        let home = AcmeHome::start(&acme::that_locks(&(sends.clone() + says))).await;
        home.cloud.answers("/lock", 400, &json!({ "code": "BAD_PIN" }));
        home.lock().await;
        home.lock().await;
        let sent = home.cloud.arrived().iter().filter(|it| it.url.contains("7305")).count();
        assert_eq!(sent, 1, "{what}");
    }
}
