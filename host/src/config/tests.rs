//! Tests of whole files. Tests of complaints about wrong ones: `complaints`.

use std::path::Path;

use secrecy::ExposeSecret;

use super::*;
use crate::mqtt::{Tls, Version};
use crate::wire::operation::OperationName as Op;

mod complaints;
mod regions;

pub(super) const BROKER: &str = "[mqtt]\nurl = \"mqtt://127.0.0.1\"\n";
pub(super) const ACCOUNT: &str = "[account.main]\nconnector = \"kia-eu\"\nrefresh_token = \"${REFRESH}\"\n";
const TOKEN: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA1";
const VIN: &str = "KNACCS2EV00000002";

fn environment(variable: &str) -> Option<String> {
    match variable {
        "REFRESH" => Some(TOKEN.into()),
        "EMPTY" => Some("\n".into()),
        "THREE_LINES" => Some("one\ntwo\nthree".into()),
        _ => None,
    }
}

pub(super) fn parse(text: &str) -> Result<Config, ConfigError> {
    Config::parse(text, Path::new("car.toml"), &environment)
}

pub(super) fn complaints(text: &str) -> String {
    parse(text).unwrap_err().to_string()
}

#[test]
fn the_least_that_works() {
    let config =
        parse(&format!("{BROKER}{ACCOUNT}[vehicle.ev6]\naccount = \"main\"\nvin = \"{VIN}\"")).unwrap();
    let Mqtt { host, port, tls, version, client_id, username, password, base_topic, legacy_base } =
        &config.mqtt;
    assert_eq!((host.as_str(), *port, tls, *version), ("127.0.0.1", 1883, &None, Version::V5));
    assert_eq!((client_id.as_str(), base_topic.as_str()), ("vehicle-connector", "vehicle-connector"));
    assert!(legacy_base.is_none() && config.legacy().is_none());
    assert!(username.is_none() && password.is_none() && config.plugins == Plugins::default());
    assert_eq!(config.log, Log { level: LogLevel::Info, format: LogFormat::Text });

    let account = &config.accounts["main"];
    let words = [&account.connector, &account.brand, &account.region, &account.language];
    assert_eq!(words, ["hyundai-kia-eu", "kia", "eu", "en"]);
    let urls: Vec<_> = account.endpoints.iter().map(|e| format!("{} {}", e.name, e.url)).collect();
    let expected = [
        "ccapi https://prd.eu-ccapi.kia.com:8080/",
        "cci https://cci-api-eu.kia.com/",
        "idp https://idpconnect-eu.kia.com/",
    ];
    assert_eq!(urls, expected);
    assert_eq!(account.secrets["refresh-token"].expose_secret(), TOKEN);
    assert_eq!(account.secrets.len(), 1);
    let bound = |secret: &str| account.rules[secret].endpoints.iter().cloned().collect::<Vec<_>>().join(" ");
    assert_eq!((bound("refresh-token"), bound("access-token")), ("idp".into(), "ccapi cci".into()));
    let capturable = account.rules.iter().filter(|(_, rule)| rule.is_capturable());
    let capturable: Vec<_> = capturable.map(|(name, _)| name.as_str()).collect();
    assert_eq!(
        capturable,
        [
            "access-token",
            "account-code",
            "account-refresh-token",
            "authorization-code",
            "cci-access-token",
            "cci-refresh-token",
            "control-token",
            "device-id",
            "exchangeable-refresh-token",
            "exchangeable-token",
            "id-token",
            "non-ccs-refresh-token",
            "non-ccs-token",
            "refresh-token",
        ]
    );
    assert_eq!(config.network, Network::default());
    assert_eq!((bound("pin"), account.max_logins_per_day), ("ccapi".into(), 4));

    let vehicle = &config.vehicles["ev6"];
    assert_eq!(vehicle.account.as_str(), "main");
    assert_eq!(vehicle.selector, Selector::Vin(VIN.into()));
    let expected = [Op::RefreshCached, Op::RefreshSmart, Op::RefreshForce, Op::Lock, Op::CheckActionStatus];
    assert_eq!(vehicle.allow, expected.into());
}

#[test]
fn everything() {
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, content: &str| std::fs::write(dir.path().join(name), content).unwrap();
    write("token", &format!("\u{feff}{TOKEN}\r\n"));
    write("pin", "1234");
    write("keys", "\u{feff}first+key=\r\n\nsecond/key \r\nthird\n");
    write("mqtt", "mqtt-password \n");
    write("ca.pem", "PEM");
    write("policy.wasm", "\0asm\x0d\0\x01\0");
    let text = r#"
        [mqtt]
        url = "mqtts://broker.example:18883"
        version = 4
        client_id = "me"
        username = "car"
        password_file = "mqtt"
        ca_file = "ca.pem"
        base_topic = "home/cars"
        [account.main]
        connector = "hyundai-kia-eu"
        brand = "hyundai"
        region = "eu"
        language = "de"
        refresh_token_file = "token"
        pin_file = "pin"
        username = "${REFRESH}"
        gate_keys_file = "keys"
        endpoints = { ccapi = "http://127.0.0.1:1/", idp = "https://proxy.example/idp/" }
        max_logins_per_day = 0
        settings = { right_hand_drive = true, client_version = "2.0.1" }
        [vehicle.a]
        account = "main"
        vin = "knaccs2ev00000002"
        allow = ["status", "unlock", "climate", "windows", "charge_port", "charging_current", "refresh_cached"]
        [vehicle.b]
        account = "main"
        id = "8f1c"
        allow = []
        [vehicle.c]
        account = "main"
        name = "My car"
        location = false
        [policy]
        file = "policy.wasm"
        [network]
        private_hosts = ["Cloud.LAN", "cloud.lan.", "bücher.lan", "localhost"]
        [log]
        level = "debug"
        format = "json"
    "#;
    std::fs::write(dir.path().join("car.toml"), text.replace("${REFRESH}", "${PATH}")).unwrap();
    let config = Config::load(&dir.path().join("car.toml")).unwrap();
    let mqtt = &config.mqtt;
    assert_eq!((mqtt.host.as_str(), mqtt.port, mqtt.version), ("broker.example", 18883, Version::V4));
    assert_eq!(mqtt.tls, Some(Tls::Authorities(b"PEM".to_vec())));
    assert_eq!((mqtt.client_id.as_str(), mqtt.base_topic.as_str()), ("me", "home/cars"));
    assert_eq!(
        mqtt.password.as_ref().unwrap().expose_secret(),
        "mqtt-password ",
        "a blank may be a part of it"
    );
    let account = &config.accounts["main"];
    assert_eq!((account.language.as_str(), account.max_logins_per_day), ("de", 0));
    assert_eq!(account.secrets["refresh-token"].expose_secret(), TOKEN, "without what editors add");
    assert_eq!(account.secrets["gate-keys"].expose_secret(), "first+key=second/key third", "its lines");
    assert_eq!(account.secrets.keys().collect::<Vec<_>>(), ["gate-keys", "pin", "refresh-token", "username"]);
    let url = |name: &str| account.endpoints.iter().find(|e| e.name == name).unwrap().url.as_str();
    assert_eq!((url("ccapi"), url("idp")), ("http://127.0.0.1:1/", "https://proxy.example/idp"));
    assert_eq!(url("cci"), "https://cci-api-eu.hyundai.com/");
    let settings: Vec<_> = account.settings.iter().map(|(key, value)| format!("{key}={value}")).collect();
    let app = ["client-device-model=SM-S918B", "client-os-version=14", "client-version=2.0.1"];
    let rest = ["notification-provider=FCM", "right-hand-drive=true"];
    assert_eq!(settings, [&app[..], &rest].concat());
    let expected = [
        Op::RefreshCached,
        Op::Unlock,
        Op::StartClimate,
        Op::StopClimate,
        Op::SetWindows,
        Op::OpenChargePort,
        Op::CloseChargePort,
        Op::SetChargingCurrent,
        Op::CheckActionStatus,
    ];
    assert_eq!(config.vehicles["a"].allow, expected.into());
    assert_eq!(config.vehicles["a"].selector, Selector::Vin(VIN.into()));
    assert_eq!(config.vehicles["b"].selector, Selector::Id("8f1c".into()));
    assert_eq!(config.vehicles["b"].allow, [Op::CheckActionStatus].into());
    assert_eq!(config.vehicles["c"].selector, Selector::Name("My car".into()));
    let location = |name: &str| config.vehicles[name].location;
    assert_eq!(["a", "b", "c"].map(location), [true, true, false], "published unless switched off");
    assert_eq!(config.plugins.files.get("policy"), Some(&dir.path().join("policy.wasm")));
    let private_hosts: Vec<_> = config.network.private_hosts.iter().map(String::as_str).collect();
    assert_eq!(private_hosts, ["cloud.lan", "localhost", "xn--bcher-kva.lan"]);
    assert_eq!((config.log.level.as_str(), config.log.format), ("debug", LogFormat::Json));

    let printed = format!("{config:?}");
    for secret in [TOKEN, "1234", "mqtt-password", "KNACCS2EV", "first+key"] {
        assert!(!printed.contains(secret), "{secret} in {printed}");
    }
}

#[test]
fn an_account_needs_neither_token_nor_password_to_be_configured() {
    let config = parse(&format!("{BROKER}[account.a]\nconnector = \"genesis-eu\"")).unwrap();
    let account = &config.accounts["a"];
    assert_eq!((account.brand.as_str(), account.secrets.len()), ("genesis", 0));
}

#[test]
fn only_a_key_has_several_lines() {
    let with =
        |key: &str| format!("{BROKER}[account.a]\nconnector = \"kia-eu\"\n{key} = \"${{THREE_LINES}}\"");
    let config = parse(&with("gate_keys")).unwrap();
    assert_eq!(config.accounts["a"].secrets["gate-keys"].expose_secret(), "onetwothree");
    for other in ["password", "username", "pin", "refresh_token"] {
        assert!(complaints(&with(other)).contains("it has several lines; a secret is one line"), "{other}");
    }
    let of = |value: &str| {
        let text = format!("{BROKER}[account.a]\nconnector = \"kia-eu\"\ngate_keys = \"${{KEYS}}\"");
        let environment = |name: &str| (name == "KEYS").then(|| value.to_owned());
        Config::parse(&text, Path::new("car.toml"), &environment).map_err(|error| error.to_string())
    };
    for (value, said) in [
        ("\n \n", "it is empty"),
        ("a\0b\nc", "it has a zero byte"),
        ("one\ntwo", "it has 2 lines, and this key has 3: write its strings one a line"),
        (&"line\n".repeat(4), "it has 4 lines, and this key has 3"),
        (&"line\n".repeat(17), "it has 17 lines, and a key has 16 at most; name the file with the key"),
    ] {
        let error = of(value).unwrap_err();
        assert!(error.contains(&format!("account.a.gate_keys: {said}")), "{error}");
    }
    let warned = of("one \ntwo\nthree").unwrap().warnings.iter().any(|warning| {
        warning.to_string().contains("blanks around a line; they are taken for a part of the key")
    });
    assert!(warned);
}

#[test]
fn a_missing_file_says_how_to_name_another() {
    let error = Config::load(Path::new("/no/such/car.toml")).unwrap_err().to_string();
    assert!(error.starts_with("/no/such/car.toml: cannot be read: "), "{error}");
    assert!(error.ends_with("name the configuration file with -c FILE"), "{error}");
}

#[cfg(unix)]
#[test]
fn plain_text_secrets_need_a_private_file() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("car.toml");
    std::fs::write(
        &path,
        format!("{BROKER}[account.a]\nconnector = \"kia-eu\"\nrefresh_token = \"{TOKEN}\""),
    )
    .unwrap();
    for (mode, accepted) in [(0o600, true), (0o400, true), (0o640, false), (0o604, false)] {
        std::fs::set_permissions(&path, PermissionsExt::from_mode(mode)).unwrap();
        match Config::load(&path) {
            Ok(config) => assert!(accepted && config.accounts["a"].secrets.len() == 1, "{mode:o}"),
            Err(error) => assert!(!accepted && !error.to_string().contains(TOKEN), "{mode:o}: {error}"),
        }
    }
}

#[test]
fn a_device_is_no_secret() {
    let text = format!("{BROKER}[account.a]\nconnector = \"kia-eu\"\nrefresh_token_file = \"/dev/zero\"");
    assert!(complaints(&text).contains("it is a pipe, a socket or a device; name a regular file"));
}

/// The state directory is closed to all other users, so it must not be one that certainly has other contents.
#[test]
fn the_state_has_a_directory_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("car.toml");
    for dir in ["", ".", "x/.."] {
        std::fs::create_dir_all(folder.path().join("x")).unwrap();
        let text = format!("{BROKER}{ACCOUNT}[state]\ndir = \"{dir}\"");
        let error = Config::parse(&text, &file, &environment).unwrap_err().to_string();
        assert!(
            error.contains("state.dir: this is the directory of the configuration file"),
            "{dir}: {error}"
        );
    }
    let text = format!("{BROKER}{ACCOUNT}[state]\ndir = \"x\"");
    assert_eq!(Config::parse(&text, &file, &environment).unwrap().state_dir, folder.path().join("x"));
}
