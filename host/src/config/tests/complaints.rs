//! Complaints about a wrong file: always the line, and a way out.

use super::{ACCOUNT, BROKER, complaints, parse};
use crate::config::ConfigError;

/// Cases: text after a good `[mqtt]` (lines 1 and 2), and the complaint about it.
#[test]
fn complaints_name_the_line_and_the_way_out() {
    let table = [
        ("[mqtt", "car.toml:3: not valid TOML: unclosed table, expected `]`; see https://toml.io"),
        (
            "[account.main]\npin = hunter2",
            "car.toml:4: not valid TOML: string values must be quoted, expected literal string; see https://toml.io",
        ),
        (
            "[vehicle.a]\n[vehicle.a]",
            "car.toml:4: \"a\" is here for the second time; rename or remove one of them",
        ),
        (
            "pasword_file = \"x\"",
            "car.toml:3: unknown key \"pasword_file\" in [mqtt]; did you mean \"password_file\"?",
        ),
        (
            "will = true",
            "car.toml:3: unknown key \"will\" in [mqtt]; known: url, ca_file, version, base_topic, client_id, \
             legacy_topics, legacy_base, username, password_file, password",
        ),
        ("[acount.main]", "car.toml:3: unknown table [acount]; did you mean [account]?"),
        (
            "[dashboard]",
            "car.toml:3: unknown table [dashboard]; there are [mqtt], [homeassistant], [policy], [plugins], [connector], \
             [account], [vehicle], [geofence], [limits], [log], [network], [http], [state]",
        ),
        (
            "[homeassistant]\ndiscovery = \"devices\"",
            "car.toml:4: homeassistant.discovery: \"devices\" is unknown; did you mean \"device\"?",
        ),
        (
            "[homeassistant]\nprefix = \"ha/#\"",
            "car.toml:4: homeassistant.prefix: \"ha/#\": remove wildcards and control characters",
        ),
        (
            "[homeassistant]\nstatus_topic = \"ha//status\"",
            "car.toml:4: homeassistant.status_topic: \"ha//status\": remove empty levels: no \"/\" at its ends, and no \
             \"//\"",
        ),
        (
            "[homeassistant]\nstatus_topic = \"vehicle-connector/bridge/request/a/b\"",
            "car.toml:4: homeassistant.status_topic: \"vehicle-connector/bridge/request/a/b\": it is below \
             mqtt.base_topic, where this host's own topics are; write that of Home Assistant",
        ),
        (
            "base_topic = \"homeassistant\"\n[homeassistant]",
            "car.toml:4: mqtt.base_topic is the prefix of Home Assistant's discovery too, where every topic is taken for \
             an entity; choose another base_topic, or another prefix here and in Home Assistant",
        ),
        (
            "[connector.renault.takes]\nclimate_temp = { least = 30, most = 10, step = 1 }\nsignals = [\"FLASH\"]",
            "car.toml:4: connector.renault.takes.climate_temp: it needs least, most and step, as in { least = 16, most = \
             28, step = 0.5 }\n\
             car.toml:5: connector.renault.takes.signals: \"FLASH\" cannot be offered; known: LIGHTS, HORN, \
             HORN_AND_LIGHTS",
        ),
        ("version = \"5\"", "car.toml:3: mqtt.version: found a string; write a whole number without quotes"),
        ("version = 3", "car.toml:3: mqtt.version: 3 is unknown; 5 falls back to 4 (MQTT 3.1.1) by itself"),
        ("username = 7", "car.toml:3: mqtt.username: found an integer; write text in quotes"),
        (
            "password = \"hunter2\"",
            "car.toml:1: mqtt.username is missing, but there is a password; add username = \"…\"\n\
             car.toml:3: mqtt.password: a secret in plain text, in a file that others may read; use password_file = \
             \"/path/to/file\" or \"${VARIABLE}\", or give the configuration file the mode 0600",
        ),
        (
            "base_topic = \"a/#\"",
            "car.toml:3: mqtt.base_topic: \"a/#\": remove wildcards and control characters",
        ),
        (
            "base_topic = \"/a\"",
            "car.toml:3: mqtt.base_topic: \"/a\": remove empty levels: no \"/\" at its ends, and no \"//\"",
        ),
        (
            "ca_file = \"x\"",
            "car.toml:3: mqtt.ca_file has no use without TLS; use an mqtts:// URL, or remove it",
        ),
        (
            "[policy]\nfile = \"x.wasm\"",
            "car.toml:4: policy.file: x.wasm: no such file; name a component (.wasm)",
        ),
        ("[policy]", "car.toml:3: [policy] is empty; add file = \"FILE.wasm\", sha256 = \"…\", or both"),
        (
            "[policy]\nsha256 = \"abc\"",
            "car.toml:4: policy.sha256: write 64 hexadecimal digits, as sha256sum prints them",
        ),
        ("[plugins]\ndir = \"x\"", "car.toml:4: plugins.dir: x: no such directory; make it, or name another"),
        (
            "[plugins]\nrequire_signature = 1",
            "car.toml:4: plugins.require_signature: found an integer; write true or false, without quotes",
        ),
        (
            "[plugins]\nrequire_signature = true",
            "car.toml:4: require_signature needs public_keys = [\"RW…\"]; without a key nothing could be loaded",
        ),
        ("[log]\nlevel = \"inof\"", "car.toml:4: log.level: \"inof\" is unknown; did you mean \"info\"?"),
        ("[log]\nformat = \"xml\"", "car.toml:4: log.format: \"xml\" is unknown; known: text, json"),
        (
            "[network]\nprivate_hosts = \"cloud.lan\"",
            "car.toml:4: network.private_hosts: found a string; write a list of texts, like [\"refresh\", \"lock\"]",
        ),
        (
            "[network]\nprivate_hosts = [\"a.lan\",\n\"https://cloud.lan\"]",
            "car.toml:5: network.private_hosts: \"https://cloud.lan\" is no host name; write it without scheme, port, \
             path and wildcard, like \"cloud.lan\"",
        ),
        (
            "[network]\nprivate_hosts = [\"10.1\"]",
            "car.toml:4: network.private_hosts: \"10.1\" is an address, and addresses are not looked up; name it in the \
             account's endpoints only",
        ),
        (
            "[network]\nprivate_host = []",
            "car.toml:4: unknown key \"private_host\" in [network]; did you mean \"private_hosts\"?",
        ),
    ];
    for (text, expected) in table {
        assert_eq!(complaints(&format!("{BROKER}{text}")), expected, "{text}");
    }
}

#[test]
fn complaints_about_the_broker() {
    let table = [
        ("", "car.toml:1: the table [mqtt] is missing; add [mqtt] with url = \"mqtt://127.0.0.1:1883\""),
        ("\n[mqtt]", "car.toml:2: url is missing in [mqtt]; add url = \"mqtt://127.0.0.1:1883\""),
        ("mqtt = 1", "car.toml:1: mqtt: found an integer; write a table"),
        (
            "\n[mqtt]\nurl = \"mqt://x\"",
            "car.toml:3: mqtt.url: \"mqt://x\": unknown scheme \"mqt\"; use mqtt:// or mqtts://",
        ),
        (
            "[mqtt]\nurl = \"mqtt://car:hunter2@broker\"",
            "car.toml:2: mqtt.url: remove the part before \"@\"; use username and password_file",
        ),
        (
            "url = \"x\"\n[mqtt]\nurl = \"mqtt://x\"",
            "car.toml:1: key \"url\" stands outside of any table; put it below its table, for instance [mqtt]",
        ),
    ];
    for (text, expected) in table {
        assert_eq!(complaints(text), expected, "{text}");
    }
}

/// Cases: text after a good `[mqtt]` and `[account.main]` (lines 1 to 5).
#[test]
fn complaints_about_accounts() {
    let table = [
        (
            "brand = \"hyundai\"",
            "car.toml:6: account.main.brand: \"hyundai\" does not go with this connector, which is for \"kia\"; use \
             \"hyundai-kia-eu\"",
        ),
        (
            "brand = \"lexus\"",
            "car.toml:6: account.main.brand: \"lexus\" is unknown; known: genesis, hyundai, kia",
        ),
        ("region = \"us\"", "car.toml:6: account.main.region: \"us\" is unknown; known: au, eu, nz"),
        (
            "language = \"german\"",
            "car.toml:6: account.main.language: \"german\" is no language; write two small letters, like \"en\"",
        ),
        (
            "endpoints = { ccapi = \"http://1.2.3.4\" }",
            "car.toml:6: account.main.endpoints.ccapi: \"http://1.2.3.4\": http:// is for this machine only; use https://",
        ),
        (
            "[account.main.endpoints]\nccap = \"https://h\"",
            "car.toml:7: unknown key \"ccap\" in [account.main.endpoints]; did you mean \"ccapi\"?",
        ),
        ("endpoints = 3", "car.toml:6: account.main.endpoints: found an integer; write a table"),
        ("pin_file = 1234", "car.toml:6: account.main.pin_file: found an integer; write text in quotes"),
        (
            "pin_file = \"no/such\"",
            "car.toml:6: account.main.pin_file: no/such: No such file or directory (os error 2); what is wanted is a \
             file with nothing but the secret, readable for this user",
        ),
        (
            "pin = \"${PIN}\"",
            "car.toml:6: account.main.pin: the environment variable \"PIN\" is not set; set it, or use pin_file = \
             \"/path/to/file\"",
        ),
        (
            "pin = \"${EMPTY}\"",
            "car.toml:6: account.main.pin: it is empty; put the secret there, or remove the key",
        ),
        (
            "pin = \"${THREE_LINES}\"",
            "car.toml:6: account.main.pin: it has several lines; a secret is one line",
        ),
        (
            "pin = \"1234\"",
            "car.toml:6: account.main.pin: a secret in plain text, in a file that others may read; use pin_file = \
             \"/path/to/file\" or \"${VARIABLE}\", or give the configuration file the mode 0600",
        ),
        (
            "refresh_token_file = \"x\"",
            "car.toml:6: account.main.refresh_token_file: refresh_token is given too; remove one of the two",
        ),
        (
            "max_logins_per_day = 11",
            "car.toml:6: account.main.max_logins_per_day: 11 is out of range; write 0 to 10",
        ),
        (
            "max_logins_per_day = -1",
            "car.toml:6: account.main.max_logins_per_day: -1 is out of range; write 0 to 10",
        ),
        ("quota_per_day = 0", "car.toml:6: account.main.quota_per_day: 0 is out of range; write 1 to 100000"),
        (
            "settings = { right_hand_drive = 1.5 }",
            "car.toml:6: account.main.settings.right_hand_drive: found a float; write text, a whole number, true or false",
        ),
        (
            "refesh_token = \"x\"",
            "car.toml:6: unknown key \"refesh_token\" in [account.main]; did you mean \"refresh_token\"?",
        ),
        (
            "[account.x]",
            "car.toml:6: connector is missing in [account.x]; add connector = \"hyundai-kia-eu\"",
        ),
        (
            "[account.x]\nconnector = \"vw\"",
            "car.toml:7: account.x.connector: \"vw\" is unknown; known: hyundai-kia-eu, genesis-eu, hyundai-eu, kia-eu, renault, alpine, dacia; \
             `vehicle-connector connector install FILE.wasm` adds another one",
        ),
        (
            "[account.x]\nconnector = \"hyundai-kia-eu\"",
            "car.toml:6: brand is missing in [account.x]; add brand = \"genesis\" (known: genesis, hyundai, kia)",
        ),
        (
            "[account.x]\nconnector = \"hyundai-kia-eu\"\nrefresh_token = \"${REFRESH}\"\n[account.x.endpoints]\nccapi = \"https://a.example\"",
            "car.toml:6: brand is missing in [account.x]; add brand = \"genesis\" (known: genesis, hyundai, kia)",
        ),
        (
            "[account.\"my car\"]\nconnector = \"kia-eu\"\nrefresh_token = \"${REFRESH}\"",
            "car.toml:6: \"my car\" cannot be a name here; use 1 to 64 of a-z, A-Z, 0-9, \"_\" and \"-\"",
        ),
    ];
    for (text, expected) in table {
        assert_eq!(complaints(&format!("{BROKER}{ACCOUNT}{text}")), expected, "{text}");
    }
}

/// Cases: text after a good `[mqtt]` and `[account.main]` (lines 1 to 5).
#[test]
fn complaints_about_vehicles() {
    let table = [
        (
            "[vehicle.a]",
            "car.toml:6: [vehicle.a] does not say which vehicle it is; add vin, id or name\n\
             car.toml:6: account is missing in [vehicle.a]; add account = \"main\"",
        ),
        (
            "[vehicle.a]\naccount = \"mian\"\nid = \"1\"",
            "car.toml:7: vehicle.a.account: there is no account \"mian\"; did you mean \"main\"?",
        ),
        (
            "[vehicle.a]\naccount = \"main\"\nid = \"1\"\nname = \"x\"",
            "car.toml:6: [vehicle.a] says which vehicle it is by id and name; keep one of them",
        ),
        (
            "[vehicle.a]\naccount = \"main\"\nvin = \"KNAOO00000000000O\"",
            "car.toml:8: vehicle.a.vin: a VIN has 17 letters and digits, and never I, O or Q; check it",
        ),
        (
            "[vehicle.my-knalegacy00000001]\naccount = \"main\"\nvin = \"KNALEGACY00000001\"",
            "car.toml:6: a vehicle is not named by its VIN: names end up in topics, logs and screenshots; choose \
             another name",
        ),
        (
            "[vehicle.a]\naccount = \"main\"\nid = \" \"",
            "car.toml:8: vehicle.a.id: it is empty; write it, or use vin",
        ),
        (
            "[vehicle.a]\naccount = \"main\"\nid = \"1\"\nallow = [\"lock\", \"unlok\", 3]",
            "car.toml:9: vehicle.a.allow: found an integer; write text in quotes",
        ),
        (
            "[vehicle.a]\naccount = \"main\"\nid = \"1\"\nallow = [\n\"unlok\",\n\"honk\"]",
            "car.toml:10: vehicle.a.allow: \"unlok\" is unknown; did you mean \"unlock\"?\n\
             car.toml:11: vehicle.a.allow: \"honk\" is unknown; known: refresh, refresh_cached, refresh_smart, \
             refresh_force, status, lock, unlock, climate, windows, charge_port, charging, \
             charge_limits, charging_current, signal",
        ),
        (
            "[vehicle.a]\naccount = \"main\"\nid = \"1\"\nallow = \"lock\"",
            "car.toml:9: vehicle.a.allow: found a string; write a list of texts, like [\"refresh\", \"lock\"]",
        ),
        (
            "[vehicle.a]\naccount = \"main\"\nid = \"1\"\n[vehicle.b]\naccount = \"main\"\nid = \"1\"",
            "car.toml:9: [vehicle.b] has the same id as [vehicle.a]; remove one of them",
        ),
        (
            "[vehicle.a]\naccount = \"main\"\nvin = \"KNACCS2EV00000002\"\n\
             [vehicle.b]\naccount = \"main\"\nvin = \"knaccs2ev00000002\"",
            "car.toml:9: [vehicle.b] has the same VIN as [vehicle.a]; remove one of them",
        ),
        (
            "[vehicle.\"a/b\"]\naccount = \"main\"\nid = \"1\"",
            "car.toml:6: \"a/b\" cannot be a name here; use 1 to 64 of a-z, A-Z, 0-9, \"_\" and \"-\"",
        ),
    ];
    for (text, expected) in table {
        assert_eq!(complaints(&format!("{BROKER}{ACCOUNT}{text}")), expected, "{text}");
    }
    let text = format!("{BROKER}[vehicle.a]\naccount = \"main\"\nid = \"1\"");
    assert_eq!(
        complaints(&text),
        "car.toml:4: vehicle.a.account: there is no account \"main\"; add a table [account.main]"
    );
}

#[test]
fn independent_problems_are_told_together() {
    let text = "[mqtt]\nurl = \"http://x\"\nusernam = \"x\"\n[log]\nlevel = 3\n[account.a]\nconnector = \"hyundai-kia-eu\"\n";
    let ConfigError::Invalid { problems, .. } = parse(text).unwrap_err() else {
        panic!("not a problem list")
    };
    assert_eq!(problems.iter().map(|p| p.line).collect::<Vec<_>>(), [2, 3, 5, 6]);
}

#[test]
fn complaints_about_names_of_hosts() {
    for name in
        ["", ".", "a b", "*.lan", "cloud.lan:443", "cloud.lan/x", "user@cloud.lan", "a..lan", ".lan", "a!"]
    {
        let said = complaints(&format!("{BROKER}[network]\nprivate_hosts = [{name:?}]"));
        assert!(said.contains("is no host name"), "{name}: {said}");
    }
    for address in ["127.0.0.1", "[::1]", "0x7f000001", "2130706433"] {
        let said = complaints(&format!("{BROKER}[network]\nprivate_hosts = [{address:?}]"));
        assert!(said.contains("is an address"), "{address}: {said}");
    }
}
