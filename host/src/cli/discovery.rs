//! `vehicle-connector discovery`: what a running host tells Home Assistant.

use std::process::ExitCode;

use clap::Subcommand;
use serde::Deserialize;
use serde_json::{Value, json};

use super::remote::Asked;
use super::table::{Table, plain};

#[derive(Debug, Subcommand)]
pub(super) enum DiscoveryCommand {
    /// Show what Home Assistant is told: the topics, and with `--json` the documents.
    Show {
        /// Only documents whose topic has this in it, such as the name of a vehicle.
        #[arg(value_name = "ABOUT")]
        about: Option<String>,
        #[command(flatten)]
        host: Asked,
    },
    /// Publish all of it once more.
    Publish {
        #[command(flatten)]
        host: Asked,
    },
    /// Clear all of it, so that Home Assistant forgets every entity, with its settings. Nothing is published until
    /// `discovery publish` or the next start of the host.
    Clear {
        #[command(flatten)]
        host: Asked,
    },
}

/// What Home Assistant is told.
#[derive(Deserialize)]
struct Shown {
    discovery: String,
    prefix: String,
    documents: Vec<Document>,
}

/// A document, and where it is.
#[derive(Deserialize)]
struct Document {
    topic: String,
    bytes: usize,
    document: Value,
}

impl Document {
    /// Number of entities that it is about.
    fn entities(&self) -> usize {
        let components = self.document.get("components").and_then(Value::as_object);
        components
            .map_or(1, |components| components.values().filter(|it| it.get("unique_id").is_some()).count())
    }
}

#[derive(Deserialize)]
struct Published {
    published: usize,
}

#[derive(Deserialize)]
struct Cleared {
    cleared: Vec<String>,
}

pub(super) fn run(command: &DiscoveryCommand) -> ExitCode {
    match command {
        DiscoveryCommand::Show { about, host } => {
            let payload = about.as_ref().map_or_else(|| json!({}), |about| json!({"about": about}));
            host.ask("discovery/show", &payload, shown)
        }
        DiscoveryCommand::Publish { host } => {
            host.ask("discovery/publish", &json!({}), |Published { published }: &Published| {
                format!("published: {published} documents\n")
            })
        }
        DiscoveryCommand::Clear { host } => {
            host.ask("discovery/clear", &json!({}), |Cleared { cleared }: &Cleared| {
                let topics: String = cleared.iter().map(|topic| format!("  {}\n", plain(topic))).collect();
                format!("cleared: {} topics\n{topics}", cleared.len())
            })
        }
    }
}

fn shown(shown: &Shown) -> String {
    let Shown { discovery, prefix, documents } = shown;
    if discovery == "off" {
        return "discovery is off: Home Assistant is told nothing\n".to_owned();
    }
    let mut table = Table::new(["TOPIC", "ENTITIES", "BYTES"]);
    for document in documents {
        let (entities, bytes) = (document.entities().to_string(), document.bytes.to_string());
        table.row([document.topic.clone(), entities, bytes]);
    }
    let (discovery, prefix) = (plain(discovery), plain(prefix));
    format!("form: {discovery}, below {prefix}; --json shows the documents\n\n{table}")
}
