use proptest::prelude::*;

use super::super::tests::{BROKER, complaints, parse};
use super::*;
use crate::config::Config;
use crate::descriptor::{OwnEffect, PinStyle};
use crate::digest::Digest;

/// A connector for a cloud that nobody has heard of, as its owner writes it.
const ACME: &str = r#"
[connector.acme]
file = "acme.wasm"
[connector.acme.endpoints]
status = "https://status.acme.example"
[connector.acme.regions.eu.endpoints]
api = "https://api.acme.example/v1/"
[connector.acme.regions.na.brands.lux.endpoints]
api = "https://lux.na.acme.example"
[connector.acme.secrets]
client-secret = { class = "password", configured = "required", endpoints = ["api"], description = "From acme.example/developers" }
pin = { class = "pin-bearer", configured = "optional", endpoints = ["api"], form = { length = 4, characters = "digits" } }
access-token = { class = "token", configured = "never", endpoints = ["api", "status"], least = 20, lasting = true }
[connector.acme.settings]
units = { default = "km", description = "Units of distances" }
site-name = {}
plan = { required = true, description = "As on your bill" }
[connector.acme.operations]
honk = { effect = "set", arguments = '{"type":"object","properties":{"times":{"type":"integer"}}}' }
open-trunk = {}
[connector.acme.refusals]
grant = [{ code = "BAD", status = 403, words = "wrong password" }]
[connector.acme.answers]
success = [{ endpoint = "api", at = "/ok", is = "yes" }, { endpoint = "status", at = "/code", is = 0 }]
codes_at = ["/code"]
before_execution = ["BUSY"]
undecided = ["GATEWAY"]
"#;

/// Reads a configuration beside which there is a file `acme.wasm`.
fn with_acme(text: &str) -> Config {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("acme.wasm"), b"\0asm\x0d\0\x01\0").unwrap();
    let environment = |variable: &str| (variable == "SECRET").then(|| "12345678".to_owned());
    Config::parse(&format!("{BROKER}{text}"), &dir.path().join("car.toml"), &environment).unwrap()
}

#[test]
fn a_stranger_s_connector_is_granted_what_stands_there_and_nothing_else() {
    let config = with_acme(&format!(
        "{ACME}[account.a]\nconnector = \"acme\"\nregion = \"na\"\nbrand = \"lux\"\nclient_secret = \"${{SECRET}}\"\n\
         settings = {{ site_name = \"home\", plan = 3 }}\n[vehicle.v]\naccount = \"a\"\nid = \"1\"\nallow = [\"lock\", \"other/honk\"]\n"
    ));
    let grant = &config.connectors["acme"].grant;
    assert!(!config.connectors["acme"].is_carried && config.connectors["hyundai-kia-eu"].is_carried);
    assert_eq!(grant.secrets["pin"].class, SecretClass::Pin(PinStyle::Bearer));
    assert_eq!(
        grant.operations["open-trunk"].effect,
        OwnEffect::Actuation,
        "unless something else is granted"
    );
    let account = &config.accounts["a"];
    let reached: Vec<_> = account.endpoints.iter().map(|it| format!("{} {}", it.name, it.url)).collect();
    assert_eq!(reached, ["api https://lux.na.acme.example/", "status https://status.acme.example/"]);
    assert_eq!(account.secrets.keys().collect::<Vec<_>>(), ["client-secret"]);
    let settings: Vec<_> = account.settings.iter().map(|(name, value)| format!("{name}={value}")).collect();
    assert_eq!(settings, ["plan=3", "site-name=home", "units=km"]);
    let allowed: Vec<_> = config.vehicles["v"].allow.iter().map(|name| name.as_str()).collect();
    assert_eq!(allowed, ["lock", "check_action_status", "other/honk"]);
}

#[test]
fn a_secret_that_is_granted_as_unused_is_one_to_remove() {
    let unused = ACME.replace("configured = \"required\", ", "configured = \"optional\", unused = true, ");
    let account = "[account.a]\nconnector = \"acme\"\nregion = \"na\"\nbrand = \"lux\"\nclient_secret = \"${SECRET}\"\n\
                   settings = { plan = 3 }\n";
    let said = "this connector does not use client_secret; remove it";
    let warned =
        |text: String| with_acme(&text).warnings.iter().any(|warning| warning.to_string().contains(said));
    assert!(warned(format!("{unused}{account}")));
    assert!(!warned(format!("{ACME}{account}")));
}

#[test]
fn a_grant_of_the_owner_takes_the_place_of_the_built_in_one() {
    let text = "[connector.hyundai-kia-eu.regions.eu.brands.kia.endpoints]\nccapi = \"https://proxy.example\"\n\
                [account.a]\nconnector = \"kia-eu\"\n";
    let config = with_acme(text);
    let account = &config.accounts["a"];
    assert_eq!((account.connector.as_str(), account.endpoints.len()), ("hyundai-kia-eu", 1));
    assert!(account.rules.is_empty() && account.grant.secrets.is_empty());
}

#[test]
fn a_file_that_cannot_be_used_is_a_problem_of_its_connector_alone() {
    let text = ACME.replace("acme.wasm", "no.wasm");
    let config = parse(&format!("{BROKER}{text}")).unwrap();
    let problem = &config.plugins.unusable["acme"];
    assert_eq!(
        problem.to_string(),
        "5: connector.acme.file: no.wasm: no such file; name a component (.wasm)"
    );
    assert!(!config.plugins.unusable.contains_key("hyundai-kia-eu"));
}

/// Cases: text after a good `[mqtt]` (lines 1 and 2), and the complaint about it.
#[test]
fn complaints_name_the_line_the_place_and_the_way_out() {
    let line = |text: &str| {
        format!(
            "[connector.acme]\nfile = \"x.wasm\"\n[connector.acme.endpoints]\napi = \"https://a.example\"\n{text}"
        )
    };
    for (text, expected) in [
        (
            "[connector.acme]\nsha256 = \"00\"\n".to_owned(),
            "car.toml:3: [connector.acme] grants no endpoints, so the connector could reach nothing; `vehicle-connector \
             connector inspect --toml FILE.wasm` prints what it asks for\n\
             car.toml:3: file is missing in [connector.acme], and this program carries no connector of that name; add \
             file = \"acme.wasm\"\n\
             car.toml:4: connector.acme.sha256: write 64 hexadecimal digits, as sha256sum prints them",
        ),
        (
            "[connector.hyundai-kia-ue.endpoints]\na = \"https://a.example\"\n".to_owned(),
            "car.toml:3: file is missing in [connector.hyundai-kia-ue], and this program carries no connector of that \
             name; add file = \"hyundai-kia-ue.wasm\"; did you mean \"hyundai-kia-eu\"?",
        ),
        (
            "[connector.hyundai-kia-eu]".to_owned(),
            "car.toml:3: [connector.hyundai-kia-eu] is empty; add file = \"FILE.wasm\", sha256 = \"…\", or a grant",
        ),
        (
            "[connector.kia-eu]".to_owned(),
            "car.toml:3: \"kia-eu\" is another name for \"hyundai-kia-eu\" in accounts; write [connector.hyundai-kia-eu]",
        ),
        (
            "[connector.Acme]".to_owned(),
            "car.toml:3: \"Acme\" cannot be a connector's name; use 1 to 64 of a-z, 0-9 and \"-\"",
        ),
        (
            "[connector.policy]".to_owned(),
            "car.toml:3: a connector cannot be called \"policy\": that is the policy's name; rename it",
        ),
        (
            line("idp = \"http://b.example\""),
            "car.toml:7: connector.acme.endpoints.idp: \"http://b.example\": http:// is for this machine only; use https://",
        ),
        (line("idp = 3"), "car.toml:7: connector.acme.endpoints.idp: found an integer; write text in quotes"),
        (
            line("[connector.acme.regions]\nEU = { endpoints = { api = \"https://b.example\" } }"),
            "car.toml:8: connector.acme.regions.EU.endpoints.api: \"https://b.example\": \"EU\" is no name; use 1 to 64 of \
             a-z, 0-9 and \"-\"",
        ),
        (
            line("[connector.acme.regions.eu]\nendpoint = { api = \"https://b.example\" }"),
            "car.toml:8: unknown key \"endpoint\" in [connector.acme.regions.eu]; did you mean \"endpoints\"?",
        ),
        (
            line(
                "[connector.acme.secrets]\npw = { class = \"pasword\", configured = \"required\", endpoints = [\"api\"] }",
            ),
            "car.toml:8: connector.acme.secrets.pw.class: \"pasword\" is unknown; did you mean \"password\"?",
        ),
        (
            line("[connector.acme.secrets]\npw = { endpoints = [\"api\"] }"),
            "car.toml:8: connector.acme.secrets.pw: class is missing; known: identifier, password, one-time-code, \
             pin-challenge, pin-bearer, token, key\n\
             car.toml:8: connector.acme.secrets.pw: configured is missing; known: required, optional, never",
        ),
        (
            line(
                "[connector.acme.secrets]\npw = { class = \"token\", configured = \"never\", endpoints = [\"idp\"] }",
            ),
            "car.toml:8: connector.acme.secrets.pw: there is no endpoint \"idp\"; known: api",
        ),
        (
            line(
                "[connector.acme.secrets]\npw = { class = \"token\", configured = \"never\", endpoints = [\"api\"], least = 4 }",
            ),
            "car.toml:8: connector.acme.secrets.pw.least: 4 is out of range; write 8 to 4096",
        ),
        (
            line(
                "[connector.acme.secrets]\npw = { class = \"token\", configured = \"never\", endpoints = [\"api\"], rotate = true }",
            ),
            "car.toml:8: unknown key \"rotate\" in [connector.acme.secrets.pw]; did you mean \"rotates\"?",
        ),
        (
            line("[connector.acme.operations]\nhonk = { arguments = \"{\" }"),
            "car.toml:8: connector.acme.operations.honk: arguments: the schema is not JSON: EOF while parsing an object at \
             line 1 column 1",
        ),
        (
            line("[connector.acme.operations]\nhonk = { effect = \"move\" }"),
            "car.toml:8: connector.acme.operations.honk.effect: \"move\" is unknown; known: read, set, actuation",
        ),
        (
            line("[connector.acme.settings]\nplan = { required = true, default = \"small\" }"),
            "car.toml:8: connector.acme.settings.plan: it is required and has a default, so it could never be missing; \
             remove one of the two",
        ),
        (
            line("[connector.acme.refusals]\npin = [{ status = 400 }]"),
            "car.toml:8: connector.acme.refusals.pin: a code is empty, or has control characters; write it as the \
             cloud does, or remove it",
        ),
        (
            line("[connector.acme.refusals]\npin = \"4003\""),
            "car.toml:8: connector.acme.refusals.pin: found a string; write a list of tables, like [{ code = \"7501\" }]",
        ),
        (
            line("[connector.acme.answers]\ncodes_at = [\"code\"]"),
            "car.toml:7: connector.acme.answers: \"code\" is no JSON Pointer; begin it with \"/\"",
        ),
    ] {
        assert_eq!(complaints(&format!("{BROKER}{text}")), expected, "{text}");
    }
}

#[test]
fn complaints_about_accounts_of_a_stranger_s_connector() {
    for (text, expected) in [
        (
            "[account.a]\nconnector = \"acme\"\nregion = \"na\"\nsettings = { plan = 1 }",
            "brand is missing in [account.a]; add brand = \"lux\" (known: lux)\n\
             client_secret is missing in [account.a]; add client_secret_file = \"/path/to/file\" or client_secret = \
             \"${VARIABLE}\" (From acme.example/developers)",
        ),
        (
            "[account.a]\nconnector = \"acme\"\nclient_secret = \"${REFRESH}\"\nbrand = \"lux\"\nsettings = { plan = 1 }",
            "region is missing in [account.a]; add region = \"eu\" (known: eu, na)",
        ),
        (
            "[account.a]\nconnector = \"acme\"\nregion = \"eu\"\nclient_secret = \"${REFRESH}\"\nbrand = \"lux\"\nsettings = { plan = 1 }",
            "account.a.brand: this connector has no brand; remove it",
        ),
        (
            "[account.a]\nconnector = \"acme\"\nregion = \"eu\"\nclient_secret = \"${REFRESH}\"\nsettings = { unit = 1, plan = 1 }",
            "unknown key \"unit\" in [account.a.settings]; did you mean \"units\"?",
        ),
        (
            "[account.a]\nconnector = \"acme\"\nregion = \"eu\"\nclient_secret = \"${REFRESH}\"\nsettings = { plan = 1 }\n\
             [vehicle.v]\naccount = \"a\"\nid = \"1\"\nallow = [\"other/hunk\"]",
            "vehicle.v.allow: \"other/hunk\" is unknown; did you mean \"other/honk\"?",
        ),
        (
            "[account.a]\nconnector = \"acme\"\nregion = \"eu\"\nclient_secret = \"${REFRESH}\"",
            "settings.plan is missing in [account.a], and the account cannot be used without it; add settings = { plan = \
             \"…\" } (As on your bill)",
        ),
    ] {
        let said = complaints(&format!("{BROKER}{ACME}{text}"));
        let said: Vec<_> = said.lines().map(|line| line.splitn(3, ':').last().unwrap().trim()).collect();
        assert_eq!(said.join("\n"), expected, "{text}");
    }
}

/// What cannot be used without a setting: an account without any, and one with others.
#[test]
fn a_setting_that_is_missing_is_missed_where_it_would_stand() {
    let account = "[account.a]\nconnector = \"acme\"\nregion = \"eu\"\nclient_secret = \"${REFRESH}\"\n";
    let lines_before = u32::try_from(BROKER.lines().count() + ACME.lines().count()).unwrap();
    for (settings, line) in [("", 1), ("[account.a.settings]\nunits = \"mi\"\n", 5)] {
        let said = complaints(&format!("{BROKER}{ACME}{account}{settings}"));
        let place = format!("car.toml:{}: settings.plan is missing in [account.a]", lines_before + line);
        assert!(said.starts_with(&place), "{said}, and not {place}");
    }
}

/// Reads a block as a configuration has it.
fn granted(name: &str, block: &str) -> Result<Grant, String> {
    let config = parse(&format!("{BROKER}{block}")).map_err(|error| error.to_string())?;
    Ok(config.connectors[name].grant.as_ref().clone())
}

#[test]
fn what_is_written_is_what_is_read() {
    let grant = granted("acme", ACME).unwrap();
    let written = block("acme", "acme.wasm", Digest::of(b""), &grant);
    assert_eq!(granted("acme", &written).unwrap(), grant, "{written}");
    let built_in = &super::super::presets::all()["hyundai-kia-eu"].grant;
    let written = block("hyundai-kia-eu", "x.wasm", Digest::of(b""), built_in);
    assert_eq!(&granted("hyundai-kia-eu", &written).unwrap(), built_in.as_ref(), "{written}");
}

proptest! {
    /// Whatever a component calls things, the block that is printed for it has nothing but what it says.
    #[test]
    fn no_text_gets_out_of_its_quotes(description in "\\PC{0,40}", code in "[^\\pC]{1,20}", control in any::<char>()) {
        let mut grant = granted("acme", ACME).unwrap();
        let rule = grant.secrets.get_mut("pin").unwrap();
        rule.description = format!("{description}\"\n[connector.evil]{control}");
        prop_assume!(grant.add_refusal(RefusedCredential::Pin, Said { code, status: None, words: None }).is_ok());
        let written = block("acme", "acme.wasm", Digest::of(b""), &grant);
        prop_assert_eq!(granted("acme", &written).unwrap(), grant, "{}", written);
        prop_assert!(!written.lines().any(|line| line.starts_with("[connector.evil")));
    }

    /// Nonsense in any place is a complaint, and never more than that.
    #[test]
    fn nonsense_is_complained_about(place in 0_usize..40, text in "[ -~]{0,40}") {
        let mut lines: Vec<&str> = ACME.lines().collect();
        let place = place % lines.len();
        lines[place] = &text;
        let _either = parse(&format!("{BROKER}{}", lines.join("\n")));
    }
}
