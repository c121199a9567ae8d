//! `vehicle-connector policy …` and `… connector …`: the plugins of a running host.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use clap::{Args, Subcommand};
use serde_json::{Map, Value, json};

use super::limited::Profile;
use super::remote::Asked;
use super::{USAGE, complain, inspect, render};
use crate::component_file::{self, Contents, Links};
use crate::plugin::PluginKind;
use crate::plugin::slot::LARGE;

/// Requests about plugins of either kind.
#[derive(Debug, Subcommand)]
pub(super) enum PluginCommand {
    /// Show what runs in each slot, what ran before, and what is not loaded any more.
    List {
        #[command(flatten)]
        host: Asked,
    },
    /// Show what a component is and whether it would be accepted; without a file, what the host runs.
    Inspect {
        /// The component. No host is needed to look at one.
        #[arg(value_name = "FILE.wasm")]
        file: Option<PathBuf>,
        /// Print the section that a configuration would have for this connector, with everything it asks for.
        #[arg(long, requires = "file", conflicts_with = "json")]
        toml: bool,
        /// The limits of a policy, in place of those of the configuration.
        #[arg(long, value_enum, value_name = "PROFILE", requires = "file")]
        limits: Option<Profile>,
        #[command(flatten)]
        slot: InSlot,
        #[command(flatten)]
        host: Asked,
    },
    /// Have the host put a component to the test, with everything but loading it.
    Verify {
        #[command(flatten)]
        component: ComponentFile,
        /// Test it here, without a host: then pins, signatures and what the host calls bad are left out.
        #[arg(long)]
        offline: bool,
        /// The limits of a policy, in place of those of the configuration.
        #[arg(long, value_enum, value_name = "PROFILE", requires = "offline")]
        limits: Option<Profile>,
        #[command(flatten)]
        slot: InSlot,
        #[command(flatten)]
        host: Asked,
    },
    /// Load a component in place of the one that runs. What is under way ends with the one it began with.
    Swap {
        /// The component; its signature, if any, is beside it as FILE.wasm.minisig.
        #[arg(value_name = "FILE.wasm", required_unless_present = "latest")]
        file: Option<PathBuf>,
        /// Load what is on offer, or is being tried out; `list` shows it.
        #[arg(long, conflicts_with = "file")]
        latest: bool,
        #[command(flatten)]
        slot: InSlot,
        #[command(flatten)]
        host: Asked,
    },
    /// Have the host put a component to the test and keep it until somebody wants it: here with
    /// `swap --latest`, or in Home Assistant with the button of the update.
    Offer {
        #[command(flatten)]
        component: ComponentFile,
        #[command(flatten)]
        slot: InSlot,
        #[command(flatten)]
        host: Asked,
    },
    /// Go back to what ran before.
    Rollback {
        #[command(flatten)]
        slot: InSlot,
        #[command(flatten)]
        host: Asked,
    },
    /// Let a component that had to be rolled back be tried again.
    Forgive {
        /// Its digest, as `list --json` shows it.
        #[arg(value_name = "DIGEST")]
        digest: String,
        #[command(flatten)]
        slot: InSlot,
        #[command(flatten)]
        host: Asked,
    },
    /// Show who changed what when, and what was refused and why, newest last.
    History {
        /// Only the latest so many; the host shows 20 unless told otherwise.
        #[arg(long, value_name = "N")]
        last: Option<u64>,
        #[command(flatten)]
        slot: InSlot,
        #[command(flatten)]
        host: Asked,
    },
}

#[derive(Debug, Args)]
pub(super) struct InSlot {
    /// Which slot, if there are several; `list` names them.
    #[arg(long, value_name = "NAME")]
    slot: Option<String>,
}

#[derive(Debug, Args)]
pub(super) struct ComponentFile {
    /// The component; its signature, if any, is beside it as FILE.wasm.minisig.
    #[arg(value_name = "FILE.wasm")]
    pub(super) file: PathBuf,
}

/// Does what is asked for with plugins of this kind.
pub(super) async fn run(kind: PluginKind, command: PluginCommand) -> ExitCode {
    match command {
        PluginCommand::List { host } => host.ask(&format!("{kind}/list"), &json!({}), render::slots),
        PluginCommand::Inspect { file: Some(file), toml: true, host, .. } => {
            inspect::toml(kind, &file, &host).await
        }
        PluginCommand::Inspect { file: Some(file), limits, host, .. } => {
            inspect::show(kind, &file, limits, &host).await
        }
        PluginCommand::Inspect { file: None, slot, host, .. } => {
            let wanted = slot.slot;
            host.ask_for(
                &format!("{kind}/list"),
                &json!({}),
                |slots| of_slot(slots, wanted.as_deref()),
                render::actives,
            )
        }
        PluginCommand::Verify { component, offline: true, limits, host, .. } => {
            inspect::verify(kind, &component.file, limits, &host).await
        }
        PluginCommand::Verify { component, slot, host, .. } => match component.payload() {
            Ok(payload) => host.ask(&format!("{kind}/verify"), &slot.within(payload), render::verified),
            Err(code) => code,
        },
        PluginCommand::Swap { file, slot, host, .. } => {
            let payload = match file {
                Some(file) => ComponentFile { file }.payload(),
                None => Ok(Map::from_iter([("latest".to_owned(), json!(true))])),
            };
            match payload {
                Ok(payload) => host.ask(&format!("{kind}/swap"), &slot.within(payload), render::swapped),
                Err(code) => code,
            }
        }
        PluginCommand::Offer { component, slot, host } => match component.payload() {
            Ok(payload) => host.ask(&format!("{kind}/offer"), &slot.within(payload), render::offered),
            Err(code) => code,
        },
        PluginCommand::Rollback { slot, host } => {
            host.ask(&format!("{kind}/rollback"), &slot.within(Map::new()), render::swapped)
        }
        PluginCommand::Forgive { digest, slot, host } => {
            let payload = Map::from_iter([("digest".to_owned(), json!(digest))]);
            host.ask(&format!("{kind}/forgive"), &slot.within(payload), render::forgiven)
        }
        PluginCommand::History { last, slot, host } => {
            let mut payload = Map::new();
            payload.extend(last.map(|last| ("last".to_owned(), json!(last))));
            host.ask(&format!("{kind}/history"), &slot.within(payload), render::history)
        }
    }
}

/// Returns the slot of this name alone, of all that the host listed.
fn of_slot(slots: Value, wanted: Option<&str>) -> Result<Value, String> {
    let (Some(wanted), Value::Array(all)) = (wanted, &slots) else { return Ok(slots) };
    let name = |slot: &Value| slot.get("slot").and_then(Value::as_str).unwrap_or_default().to_owned();
    let found: Vec<Value> = all.iter().filter(|slot| name(slot) == wanted).cloned().collect();
    if found.is_empty() {
        let known: Vec<String> = all.iter().map(name).collect();
        Err(format!("there is no slot {wanted:?}; there are: {}", known.join(", ")))
    } else {
        Ok(Value::Array(found))
    }
}

impl InSlot {
    /// The payload for this slot.
    pub(super) fn within(&self, mut payload: Map<String, Value>) -> Value {
        payload.extend(self.slot.as_ref().map(|slot| ("slot".to_owned(), json!(slot))));
        Value::Object(payload)
    }
}

impl ComponentFile {
    /// Returns the component and its signature as they are sent; or, having said why, the program's exit
    /// code. The file is read here, so that the caller's permissions count.
    pub(super) fn payload(&self) -> Result<Map<String, Value>, ExitCode> {
        let read = component_file::read(&self.file, Links::Followed);
        let Contents { component, signature, .. } =
            read.map_err(|refused| complain(USAGE, format_args!("{}: {refused}", self.file.display())))?;
        if component.len() >= LARGE {
            let size = component.len() >> 20;
            let _closed = writeln!(
                std::io::stderr(),
                "vehicle-connector: {} has {size} MiB; the host is compiling it, which takes it ten seconds or more",
                self.file.display()
            );
        }
        let name = self.file.file_name().unwrap_or_default().to_string_lossy();
        let mut payload = Map::new();
        payload.insert("file".to_owned(), json!(name));
        payload.insert("component".to_owned(), json!(BASE64.encode(component)));
        payload.extend(signature.map(|signature| ("signature".to_owned(), json!(signature))));
        Ok(payload)
    }
}
