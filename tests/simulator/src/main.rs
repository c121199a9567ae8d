//! A simulated Hyundai/Kia EU cloud to point a client at by hand.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use clap::Parser;
use simulator::kit::loopback;
use simulator::{Brand, Config, Region, Simulator, VehicleConfig};

/// Runs a simulated Hyundai/Kia EU cloud on loopback until Ctrl-C.
#[derive(Debug, Parser)]
#[command(version)]
struct Args {
    /// Address to listen on; loopback only. Port 0 picks a free one.
    #[arg(long, default_value = "127.0.0.1:0", value_parser = loopback)]
    listen: SocketAddr,
    /// Whose constants are accepted.
    #[arg(long, default_value = "kia")]
    brand: Brand,
    /// Where it is.
    #[arg(long, default_value = "eu")]
    region: Region,
    /// The PIN of the account; 1234 by default.
    #[arg(long)]
    pin: Option<String>,
    /// The refresh token of the account; the one of the recorded traces by default.
    #[arg(long)]
    refresh_token: Option<String>,
    /// The e-mail address that the account signs in with; owner@example.org by default.
    #[arg(long)]
    username: Option<String>,
    /// The password that it signs in with; "correct horse battery" by default.
    #[arg(long)]
    password: Option<String>,
    /// A file with the three parts of the key of signatures, one a line; SECRET, PIECE, SUFFIX by default.
    #[arg(long, value_parser = three_lines)]
    gate_keys_file: Option<[String; 3]>,
    /// Seconds that an access token lives; 3600 by default, outside Europe 21600.
    #[arg(long)]
    token_lifetime: Option<u64>,
    /// Seconds that a set of seven tokens is good for use; it can be refreshed for longer.
    #[arg(long, default_value_t = 3599)]
    cci_token_lifetime: u64,
    /// Number of cars: `Legacy car`, `CCS2 car`, and then `Legacy car 3`, `CCS2 car 4` and so on.
    #[arg(long, default_value_t = 2)]
    cars: usize,
}

/// What one may want to do, the path below `/control/`, and the body; without one it is a `GET`.
const EXAMPLES: [(&str, &str, &str); 17] = [
    ("what was asked:", "counters", ""),
    ("the requests:", "log", ""),
    ("the cars:", "vehicles", ""),
    ("expire the access token:", "expire", "{}"),
    ("expire it in your words:", "expire", r#"{"status":403,"wording":"access card no longer honoured"}"#),
    ("refuse tokens for ever:", "refuse-tokens", "{}"),
    ("kill the refresh token:", "refuse-grants", "{}"),
    ("end the sessions (4111):", "end-sessions", "{}"),
    ("want terms accepted:", "sign-in-outcome", r#"{"outcome":"consent"}"#),
    ("fail an exchange (9001):", "fail-exchanges", r#"{"times":1}"#),
    ("open the gate:", "gate", r#"{"on":false}"#),
    ("forget the device id:", "invalidate-device", "{}"),
    ("lose the next command:", "fault", r#"{"route":"command","moment":"acted","effect":"drop"}"#),
    (
        "refuse in your words, once:",
        "fault",
        r#"{"route":"status","effect":{"answer":{"status":403,"body":"{\"error\":\"access card no longer honoured\"}"}}}"#,
    ),
    (
        "be unavailable three times:",
        "fault",
        r#"{"times":3,"effect":{"answer":{"status":503,"body":"<html>503</html>"}}}"#,
    ),
    ("the next command fails:", "next-outcome", r#"{"pending_polls":2,"ending":"fail"}"#),
    ("all well again:", "restore", "{}"),
];

/// The three lines of a file.
fn three_lines(path: &str) -> Result<[String; 3], String> {
    let text = std::fs::read_to_string(path).map_err(|error| error.to_string())?;
    let lines: Vec<String> = text.lines().map(str::to_owned).collect();
    lines.try_into().map_err(|lines: Vec<_>| format!("it has {} lines, not three", lines.len()))
}

#[tokio::main]
async fn main() -> io::Result<()> {
    let args = Args::parse();
    let defaults = Config::of(args.region, args.brand);
    if args.region.client(args.brand).is_none() {
        return Err(io::Error::other(format!("nobody knows a cloud of {} in {}", args.brand, args.region)));
    }
    let config = Config {
        listen: args.listen,
        pin: args.pin.unwrap_or(defaults.pin),
        refresh_token: args.refresh_token.unwrap_or(defaults.refresh_token),
        username: args.username.unwrap_or(defaults.username),
        password: args.password.unwrap_or(defaults.password),
        gate_keys: args.gate_keys_file.unwrap_or(defaults.gate_keys),
        access_token_lifetime: args
            .token_lifetime
            .map_or(defaults.access_token_lifetime, Duration::from_secs),
        cci_token_lifetime: Duration::from_secs(args.cci_token_lifetime),
        vehicles: VehicleConfig::fleet(args.cars),
        ..defaults
    };
    let account = format!(
        "refresh token {}, PIN {}; {} signs in with the password {:?}",
        config.refresh_token, config.pin, config.username, config.password
    );
    let cloud = Simulator::start(config).await?;
    let base = cloud.base_url();
    println!("{base}");
    println!("simulated {} cloud ({}); {account}", args.brand, args.region);
    println!();
    for (purpose, path, body) in EXAMPLES {
        let body = if body.is_empty() { String::new() } else { format!(" -d '{body}'") };
        println!("{purpose:<28}curl -s {base}/control/{path}{body}");
    }
    tokio::signal::ctrl_c().await
}
