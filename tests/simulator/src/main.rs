//! A simulated Hyundai/Kia EU cloud to point a client at by hand.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use clap::Parser;
use simulator::kit::loopback;
use simulator::{Brand, Config, Simulator, VehicleConfig};

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
    /// The PIN of the account; 1234 by default.
    #[arg(long)]
    pin: Option<String>,
    /// The refresh token of the account; the one of the recorded traces by default.
    #[arg(long)]
    refresh_token: Option<String>,
    /// Seconds that an access token lives.
    #[arg(long, default_value_t = 3600)]
    token_lifetime: u64,
    /// Number of cars: `Legacy car`, `CCS2 car`, and then `Legacy car 3`, `CCS2 car 4` and so on.
    #[arg(long, default_value_t = 2)]
    cars: usize,
}

/// What one may want to do, the path below `/control/`, and the body; without one it is a `GET`.
const EXAMPLES: [(&str, &str, &str); 11] = [
    ("what was asked:", "counters", ""),
    ("the requests:", "log", ""),
    ("the cars:", "vehicles", ""),
    ("expire the access token:", "expire", "{}"),
    ("refuse tokens for ever:", "refuse-tokens", "{}"),
    ("kill the refresh token:", "refuse-grants", "{}"),
    ("forget the device id:", "invalidate-device", "{}"),
    ("lose the next command:", "fault", r#"{"route":"command","moment":"acted","effect":"drop"}"#),
    (
        "be unavailable three times:",
        "fault",
        r#"{"times":3,"effect":{"answer":{"status":503,"body":"<html>503</html>"}}}"#,
    ),
    ("the next command fails:", "next-outcome", r#"{"pending_polls":2,"ending":"fail"}"#),
    ("all well again:", "restore", "{}"),
];

#[tokio::main]
async fn main() -> io::Result<()> {
    let args = Args::parse();
    let defaults = Config::default();
    let config = Config {
        listen: args.listen,
        brand: args.brand,
        pin: args.pin.unwrap_or(defaults.pin),
        refresh_token: args.refresh_token.unwrap_or(defaults.refresh_token),
        access_token_lifetime: Duration::from_secs(args.token_lifetime),
        vehicles: VehicleConfig::fleet(args.cars),
        ..Config::default()
    };
    let account = format!("refresh token {}, PIN {}", config.refresh_token, config.pin);
    let cloud = Simulator::start(config).await?;
    let base = cloud.base_url();
    println!("{base}");
    println!("simulated {} cloud; {account}", args.brand);
    println!();
    for (purpose, path, body) in EXAMPLES {
        let body = if body.is_empty() { String::new() } else { format!(" -d '{body}'") };
        println!("{purpose:<28}curl -s {base}/control/{path}{body}");
    }
    tokio::signal::ctrl_c().await
}
