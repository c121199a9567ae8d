//! A simulated cloud of Renault and Dacia to point a client at by hand.

use std::io;
use std::net::SocketAddr;

use clap::Parser;
use renault_simulator::{Config, Simulator};
use simulator::kit::loopback;

/// Runs a simulated cloud of Renault and Dacia on loopback until Ctrl-C.
#[derive(Debug, Parser)]
#[command(version)]
struct Args {
    /// Address of the identity service; loopback only. Port 0 picks a free one.
    #[arg(long, default_value = "127.0.0.1:0", value_parser = loopback)]
    gigya: SocketAddr,
    /// Address of the vehicle service.
    #[arg(long, default_value = "127.0.0.1:0", value_parser = loopback)]
    kamereon: SocketAddr,
    /// Address of the orders.
    #[arg(long, default_value = "127.0.0.1:0", value_parser = loopback)]
    control: SocketAddr,
    /// Demand a code by mail from devices that are not remembered.
    #[arg(long)]
    second_factor: bool,
}

/// What one may want to do, the path, and the body; without one it is a `GET`.
const EXAMPLES: [(&str, &str, &str); 11] = [
    ("what was asked:", "counters", ""),
    ("the requests:", "log", ""),
    ("what was done wrong:", "violations", ""),
    ("the mails with codes:", "mails", ""),
    ("the cars:", "vehicles", ""),
    ("expire the id tokens:", "expire-id-tokens", "{}"),
    ("end the login tokens:", "end-login-tokens", r#"{"ended":"unauthorized"}"#),
    ("demand a code:", "second-factor", "{}"),
    ("climate takes two reads:", "lag", r#"{"aspect":"hvac","lag":{"reads":2}}"#),
    (
        "be overloaded three times:",
        "fault",
        r#"{"times":3,"effect":{"envelope":{"code":"err.func.wired.overloaded","message":"no"}}}"#,
    ),
    ("all well again:", "restore", "{}"),
];

#[tokio::main]
async fn main() -> io::Result<()> {
    let args = Args::parse();
    let config = Config {
        listen: [args.gigya, args.kamereon, args.control],
        second_factor: args.second_factor,
        ..Config::default()
    };
    let person = format!("{}, password {:?}", config.username, config.password);
    let keys = format!("gigya {}, kamereon {}", config.gigya_key, config.kamereon_key);
    let cloud = Simulator::start(config).await?;
    println!("gigya    {}", cloud.gigya_url());
    println!("kamereon {}", cloud.kamereon_url());
    println!("control  {}", cloud.control_url());
    println!("person   {person}");
    println!("keys     {keys}");
    println!();
    for (purpose, path, body) in EXAMPLES {
        let body = if body.is_empty() { String::new() } else { format!(" -d '{body}'") };
        println!("{purpose:<28}curl -s {}/{path}{body}", cloud.control_url());
    }
    tokio::signal::ctrl_c().await
}
