use std::path::Path;

use crate::config::{Config, ConfigError};

fn parsed(table: &str) -> Result<Config, ConfigError> {
    let text = format!("[mqtt]\nurl = \"mqtt://127.0.0.1\"\n[http]\n{table}\n");
    let environment = |name: &str| (name == "TOKEN").then(|| "0123456789abcdef0123456789abcdef".to_owned());
    Config::parse(&text, Path::new("car.toml"), &environment)
}

#[test]
fn nothing_listens_unless_it_is_wanted() {
    let config =
        Config::parse("[mqtt]\nurl = \"mqtt://127.0.0.1\"", Path::new("car.toml"), &|_| None).unwrap();
    assert!(config.http.is_none());
    let http = parsed("listen = \"127.0.0.1:8080\"\nhosts = [\"Car.LAN\"]\ngood_for_minutes = 5").unwrap();
    let http = http.http.unwrap();
    assert_eq!(http.listen.to_string(), "127.0.0.1:8080");
    assert!(http.auth_token.is_none() && http.hosts.contains("car.lan"));
    assert_eq!(http.good_for.as_secs(), 300);
}

#[test]
fn other_machines_reach_it_only_if_that_is_meant_and_with_a_token() {
    for table in
        ["listen = \"[::1]:1\"", "listen = \"0.0.0.0:8080\"\nallow_remote = true\nauth_token = \"${TOKEN}\""]
    {
        assert!(parsed(table).unwrap().http.is_some(), "{table}");
    }
    for (table, complaint) in [
        ("", "http.listen is missing, so nothing listens; add listen = \"127.0.0.1:8080\""),
        ("listen = \"8080\"", "\"8080\" is no address with a port; write \"127.0.0.1:8080\""),
        (
            "listen = \"0.0.0.0:80\"\nauth_token = \"${TOKEN}\"",
            "other machines reach 0.0.0.0:80; add allow_remote = true if that is meant, or write \"127.0.0.1:80\"",
        ),
        ("listen = \"[::]:80\"\nallow_remote = true", "so a token is needed; add auth_token_file"),
        ("listen = \"127.0.0.1:1\"\nauth_token = \"${SHORT}\"", "\"SHORT\" is not set"),
        ("listen = \"127.0.0.1:1\"\nhosts = [\"*.lan\"]", "\"*.lan\" is no host name"),
        ("listen = \"127.0.0.1:1\"\ngood_for_minutes = 0", "write 1 to 100000"),
        ("listen = \"127.0.0.1:1\"\nlistn = 1", "unknown key \"listn\" in [http]; did you mean \"listen\"?"),
    ] {
        let error = parsed(table).unwrap_err().to_string();
        assert!(error.contains(complaint), "{table}: {error}");
    }
}

#[test]
fn a_token_that_can_be_guessed_is_refused() {
    let text =
        "[mqtt]\nurl = \"mqtt://127.0.0.1\"\n[http]\nlisten = \"127.0.0.1:1\"\nauth_token = \"${TOKEN}\"";
    let error =
        Config::parse(text, Path::new("car.toml"), &|_| Some("secret".to_owned())).unwrap_err().to_string();
    assert!(error.contains("at least 16 characters") && !error.contains("\"secret\""), "{error}");
}
