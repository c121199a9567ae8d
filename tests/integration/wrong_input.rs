//! What the program says of wrong input: the thing, the place and the way out.

use crate::grants::desk::{CONFIGURATION, Desk};

/// The component of a connector that the program carries.
fn dist(name: &str) -> String {
    format!("{}/../guest/dist/{name}.wasm", env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn a_setting_without_which_a_connector_cannot_be_used_is_shown_granted_and_missed() {
    let desk = Desk::new();
    let file = dist("renault");
    let (_, shown) = desk.run(&["connector", "inspect", &file, "-c", "car.toml"]);
    let line = shown.lines().find(|line| line.trim_start().starts_with("locale ")).unwrap_or(&shown);
    assert!(line.contains("none: you set it"), "{line}");
    let (_, shown) = desk.run(&["connector", "inspect", "--toml", &file]);
    assert!(shown.contains("locale = { required = true, description = "), "{shown}");
    let (_, shown) = desk.run(&["connector", "inspect", "--json", &file]);
    assert!(shown.contains("\"name\":\"locale\",\"required\":true"), "{shown}");
    let account = "[account.zoe]\nconnector = \"renault\"\nbrand = \"renault\"\nusername = \"${CLIENT}\"\n\
                   password_file = \"password\"\ngigya_key = \"${CLIENT}\"\nkamereon_key = \"${CLIENT}\"\n";
    desk.write("car.toml", format!("{CONFIGURATION}{account}").as_bytes());
    let (code, said) = desk.check();
    let missed = "car.toml:4: settings.locale is missing in [account.zoe], and the account cannot be used without it; add \
                  settings = { locale = \"…\" } (Language and country of the app in which the account was opened: fr_FR)";
    assert!(code == 2 && said.contains(missed), "{said}");
}
