//! Requests about plugins: what runs, what is to run, and what is tried out.

use std::path::{Component, Path};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde::Deserialize;
use serde_json::{Value, json};

use super::parsed;
use crate::deployment::{Disagreement, Offer, PROMOTE_AFTER, Try};
use crate::folder;
use crate::host::Host;
use crate::plugin::PluginKind;
use crate::slot::Digest;

/// How many attempts `history` tells of unless it is asked for more.
const LAST: usize = 20;

/// A slot, and what to put into it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    slot: Option<String>,
    /// The name of a file in the watched folder; beside `component` only a name.
    file: Option<String>,
    /// The component itself, in base64 (RFC 4648 §4).
    component: Option<String>,
    /// Its detached signature.
    signature: Option<String>,
    /// For `policy/canary`: percent.
    share: Option<u8>,
    /// For `policy/canary`.
    promote_after: Option<u32>,
    /// For `history`.
    last: Option<usize>,
    /// For `forgive`.
    digest: Option<String>,
    /// For `policy/approve`.
    seq: Option<Vec<u64>>,
    /// For `policy/approve`.
    #[serde(default)]
    all: bool,
    /// Only for the answer.
    #[serde(default, rename = "transaction")]
    _transaction: Value,
}

impl Host {
    /// Does what is asked for; none if there is no such request.
    pub(super) async fn about_plugins(
        &self,
        kind: &str,
        what: &str,
        payload: &[u8],
        by: &str,
    ) -> Option<Result<Value, String>> {
        let kind = match kind {
            "policy" => PluginKind::Policy,
            "connector" => PluginKind::Connector,
            _ => return None,
        };
        let known = match what {
            "list" | "swap" | "verify" | "rollback" | "history" | "forgive" => true,
            "shadow" | "canary" | "diff" | "approve" | "promote" | "stop" => kind == PluginKind::Policy,
            _ => false,
        };
        let takes = format!(
            "{kind}/{what} takes a JSON object such as {{}}, {{\"file\":\"NAME.wasm\"}} or {{\"component\":\"BASE64\"}}"
        );
        match (known, parsed::<Wanted>(payload, &takes)) {
            (false, _) => None,
            (true, Err(error)) => Some(Err(error)),
            (true, Ok(wanted)) => Some(self.with_plugins(kind, what, &wanted, by).await),
        }
    }

    async fn with_plugins(
        &self,
        kind: PluginKind,
        what: &str,
        wanted: &Wanted,
        by: &str,
    ) -> Result<Value, String> {
        let (deployments, slot) = (&self.deployments, wanted.slot.as_deref());
        let needed = async || {
            let offer = self.offered(wanted, by).await?;
            offer.ok_or_else(|| format!("{kind}/{what} needs \"component\" (base64), or \"file\""))
        };
        match what {
            "list" => in_json(deployments.list(kind).await),
            "swap" => in_json(deployments.swap(kind, slot, &needed().await?).await),
            "verify" => in_json(deployments.verify(kind, slot, &needed().await?).await),
            "rollback" => in_json(deployments.rollback(kind, slot, by).await),
            "history" => {
                let last = wanted.last.unwrap_or(LAST);
                in_json(deployments.history(kind, slot, last).await)
            }
            "forgive" => {
                let digest = wanted.digest.as_deref().and_then(Digest::parse);
                let digest =
                    digest.ok_or("forgive needs \"digest\", 64 hexadecimal digits; list has them")?;
                let known = deployments.forgive(kind, slot, digest, by).await;
                in_json(known.map(|known| json!({"digest": digest, "was_bad": known})))
            }
            "shadow" => {
                let offer = self.offered(wanted, by).await?;
                in_json(deployments.try_out(Try::Shadow, offer.as_ref(), by).await)
            }
            "canary" => {
                let share = wanted.share.ok_or("policy/canary needs \"share\", 1 to 100 percent")?;
                let promote_after = wanted.promote_after.unwrap_or(PROMOTE_AFTER);
                let offer = self.offered(wanted, by).await?;
                in_json(deployments.try_out(Try::Canary { share, promote_after }, offer.as_ref(), by).await)
            }
            "diff" => {
                let differences = deployments.disagreements().await.map_err(|error| error.to_string())?;
                let differences: Vec<Value> = differences.iter().map(shown).collect();
                Ok(json!({"rollout": deployments.rollout(), "disagreements": differences}))
            }
            "approve" => {
                let which = match (&wanted.seq, wanted.all) {
                    (Some(seq), false) => Some(seq.as_slice()),
                    (None, true) => None,
                    _ => return Err("policy/approve needs either \"seq\":[…] or \"all\":true".to_owned()),
                };
                in_json(deployments.approve(which, by).await)
            }
            "promote" => in_json(deployments.promote(by).await),
            "stop" => in_json(deployments.stop_trying(by).await),
            _ => Err(format!("there is no request {kind}/{what}")),
        }
    }

    /// What a request offers, if it offers something.
    async fn offered(&self, wanted: &Wanted, by: &str) -> Result<Option<Offer>, String> {
        let (component, beside) = match (&wanted.component, &wanted.file) {
            (Some(text), _) => {
                let decoded = BASE64_STANDARD.decode(text);
                (decoded.map_err(|error| format!("\"component\" is no base64: {error}"))?, None)
            }
            (None, Some(name)) => self.in_folder(name).await?,
            (None, None) => return Ok(None),
        };
        let signature = wanted.signature.clone().or(beside);
        Ok(Some(Offer::new(component, by).signed(signature)))
    }

    /// A file of the watched folder. A message must not be able to name any other: what it names is read with the
    /// host's permissions.
    async fn in_folder(&self, name: &str) -> Result<(Vec<u8>, Option<String>), String> {
        let Some(watched) = &self.folder else {
            return Err(
                "\"file\" is the name of a file in the watched folder, and the configuration has none \
                        (plugins.dir); send the component itself as \"component\""
                    .to_owned(),
            );
        };
        let path = Path::new(name);
        let mut parts = path.components();
        if !matches!((parts.next(), parts.next()), (Some(Component::Normal(_)), None)) {
            return Err(format!("{name:?} is no name of a file in {}", watched.display()));
        }
        let path = watched.join(path);
        let shown = path.display().to_string();
        folder::read(path).await.map_err(|error| format!("{shown}: {error}"))
    }
}

fn in_json<T: serde::Serialize>(done: Result<T, impl ToString>) -> Result<Value, String> {
    let done = done.map_err(|error| error.to_string())?;
    serde_json::to_value(done).map_err(|error| error.to_string())
}

/// A difference, with its case in one line.
fn shown(difference: &Disagreement) -> Value {
    let Disagreement { seq, case, active, candidate, approved } = difference;
    let entry = &case.entry;
    json!({"seq": seq, "at": case.at, "account": entry.account, "vehicle": entry.vehicle,
           "operation": entry.operation, "summary": case.summary(), "active": active, "candidate": candidate,
           "approved": approved})
}
