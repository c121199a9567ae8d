//! Requests about plugins: what runs, what is to run, and what is tried out. A refused request is on record,
//! even if it never came to a component.

use std::path::{Component, Path};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde::Deserialize;
use serde_json::{Value, json};

use super::PluginDesk;
use crate::component_file::{self, Contents, Links};
use crate::deployment::{Action, Disagreement, Offer, PROMOTE_AFTER, Refusal, Try};
use crate::digest::Digest;
use crate::host::requests::{BY_MESSAGE, parsed};
use crate::plugin::{POLICY_SLOT, PluginKind};
use crate::redact;

/// Number of attempts that `history` tells of unless it is asked for more.
const LAST: usize = 20;

/// Longest name of a slot in a record, in bytes: requests may name anything.
const LONGEST_SLOT: usize = 128;

/// Reason why a request was not done.
#[derive(Debug)]
enum NotDone {
    /// The request is not valid, or what it names cannot be read.
    BadRequest(String),
    /// The deployments refused it, and have put it on record.
    Refused(Refusal),
}

impl From<String> for NotDone {
    fn from(why: String) -> Self {
        Self::BadRequest(why)
    }
}

impl From<&str> for NotDone {
    fn from(why: &str) -> Self {
        Self::BadRequest(why.to_owned())
    }
}

impl std::fmt::Display for NotDone {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::BadRequest(why) => f.write_str(why),
            Self::Refused(refusal) => refusal.fmt(f),
        }
    }
}

/// A request: a slot, and what to put into it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    slot: Option<String>,
    /// The name of a file in the watched folder; beside `component` only a name.
    file: Option<String>,
    /// The component itself, in base64 (RFC 4648 §4).
    component: Option<String>,
    /// Detached signature of the component.
    signature: Option<String>,
    /// Share of `policy/canary`, in percent.
    share: Option<u8>,
    /// Number of good decisions after which `policy/canary` promotes its candidate.
    promote_after: Option<u32>,
    /// Number of attempts for `history`.
    last: Option<usize>,
    /// Whether `swap` puts in what is on offer.
    #[serde(default)]
    latest: bool,
    /// Digest for `forgive`.
    digest: Option<String>,
    /// Numbers of the differences for `policy/approve`.
    seq: Option<Vec<u64>>,
    /// Whether `policy/approve` is about all differences.
    #[serde(default)]
    all: bool,
    /// Transaction, which only the answer needs.
    #[serde(default, rename = "transaction")]
    _transaction: Value,
}

impl PluginDesk {
    /// Does what a request asks for; none if there is no such request.
    pub(in crate::host) async fn about(
        &self,
        kind: &str,
        what: &str,
        payload: &[u8],
        by: &str,
    ) -> Option<Result<Value, String>> {
        let kind = kind_of(kind)?;
        let known = match what {
            "list" | "swap" | "offer" | "verify" | "rollback" | "history" | "forgive" => true,
            "shadow" | "canary" | "diff" | "approve" | "promote" | "stop" => kind == PluginKind::Policy,
            _ => false,
        };
        let takes = format!(
            "{kind}/{what} takes a JSON object such as {{}}, {{\"file\":\"NAME.wasm\"}} or {{\"component\":\"BASE64\"}}"
        );
        if !known {
            return None;
        }
        let wanted = parsed::<Wanted>(payload, &takes);
        let slot = wanted.as_ref().ok().and_then(|wanted| wanted.slot.as_deref());
        let done = match &wanted {
            Ok(_) if slot.is_some_and(|slot| slot.len() > LONGEST_SLOT) => {
                Err(format!("the name of a slot has at most {LONGEST_SLOT} bytes; list has them").into())
            }
            Ok(wanted) => self.with_plugins(kind, what, wanted, by).await,
            Err(error) => Err(error.clone().into()),
        };
        if let (Err(NotDone::BadRequest(why)), Some(action)) = (&done, action_of(what)) {
            self.note(kind, slot, action, by, why).await;
        }
        Some(done.map_err(|not_done| not_done.to_string()))
    }

    /// Puts on record that a message was not read.
    pub(in crate::host) async fn note_unread(&self, verb: &str, why: &str) {
        let Some((kind, what)) = verb.split_once('/') else { return };
        if let (Some(kind), Some(action)) = (kind_of(kind), action_of(what)) {
            self.note(kind, None, action, BY_MESSAGE, why).await;
        }
    }

    async fn note(&self, kind: PluginKind, slot: Option<&str>, action: Action, by: &str, why: &str) {
        let slot = match (slot, kind) {
            (Some(slot), _) => redact::cut(slot.to_owned(), LONGEST_SLOT),
            (None, PluginKind::Policy) => POLICY_SLOT.to_owned(),
            // Which of several connectors was meant is unknown.
            (None, PluginKind::Connector) if self.deployments.connectors().len() > 1 => String::new(),
            (None, PluginKind::Connector) => self.deployments.connectors().keys().cloned().collect(),
        };
        tracing::warn!(%kind, slot, by, ?action, "refused: {why}");
        self.deployments.note_refused(kind, &slot, action, by, why).await;
    }

    async fn with_plugins(
        &self,
        kind: PluginKind,
        what: &str,
        wanted: &Wanted,
        by: &str,
    ) -> Result<Value, NotDone> {
        // A caller that has mistaken one for the other would let all accounts decide by it.
        if what != "canary" && (wanted.share.is_some() || wanted.promote_after.is_some()) {
            let what =
                format!("\"share\" and \"promote_after\" are for policy/canary, not for {kind}/{what}");
            return Err(what.into());
        }
        if what != "swap" && wanted.latest {
            return Err(format!("\"latest\" is for {kind}/swap, not for {kind}/{what}").into());
        }
        let (deployments, slot) = (&self.deployments, wanted.slot.as_deref());
        let needed = async || {
            let offer = self.offered(wanted, by).await?;
            let missing = || format!("{kind}/{what} needs \"component\" (base64), or \"file\"");
            offer.ok_or_else(|| NotDone::from(missing()))
        };
        match what {
            "list" => in_json(deployments.list(kind).await),
            "swap" if wanted.latest => {
                if wanted.component.is_some() || wanted.file.is_some() {
                    return Err("swap takes either \"latest\":true or a component, not both".into());
                }
                in_json(deployments.swap_latest(kind, slot, by).await)
            }
            "swap" => in_json(deployments.swap(kind, slot, &needed().await?).await),
            "offer" => in_json(deployments.offer(kind, slot, &needed().await?).await),
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
            _ => self.with_rollouts(what, wanted, by).await,
        }
    }

    async fn with_rollouts(&self, what: &str, wanted: &Wanted, by: &str) -> Result<Value, NotDone> {
        let rollouts = self.deployments.rollouts();
        match what {
            "shadow" => {
                let offer = self.offered(wanted, by).await?;
                in_json(rollouts.try_out(Try::Shadow, offer.as_ref(), by).await)
            }
            "canary" => {
                let share = wanted.share.ok_or("policy/canary needs \"share\", 1 to 100 percent")?;
                let promote_after = wanted.promote_after.unwrap_or(PROMOTE_AFTER);
                let offer = self.offered(wanted, by).await?;
                in_json(rollouts.try_out(Try::Canary { share, promote_after }, offer.as_ref(), by).await)
            }
            "diff" => {
                let differences = rollouts.disagreements().await.map_err(NotDone::Refused)?;
                let differences: Vec<Value> = differences.iter().map(shown).collect();
                Ok(json!({"rollout": rollouts.current(), "disagreements": differences}))
            }
            "approve" => {
                let which = match (&wanted.seq, wanted.all) {
                    (Some(seq), false) => Some(seq.as_slice()),
                    (None, true) => None,
                    _ => return Err("policy/approve needs either \"seq\":[…] or \"all\":true".into()),
                };
                in_json(rollouts.approve(which, by).await)
            }
            "promote" => in_json(rollouts.promote(by).await),
            "stop" => in_json(rollouts.stop_trying(by).await),
            _ => Err(format!("there is no request policy/{what}").into()),
        }
    }

    /// Returns what a request offers, if it offers something.
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
        Ok(Some(Offer::new(component, by).signed(signature).out_of(wanted.file.clone())))
    }

    /// Reads a file of the watched folder. A message must not be able to name any other: the file is read
    /// with the host's permissions.
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
        let read = component_file::read_apart(path, Links::Refused).await;
        let Contents { component, signature, .. } = read.map_err(|refused| format!("{shown}: {refused}"))?;
        Ok((component, signature))
    }
}

fn kind_of(kind: &str) -> Option<PluginKind> {
    match kind {
        "policy" => Some(PluginKind::Policy),
        "connector" => Some(PluginKind::Connector),
        _ => None,
    }
}

/// Returns what a request would change; none if it changes nothing.
fn action_of(what: &str) -> Option<Action> {
    Some(match what {
        "swap" => Action::Swap,
        "offer" => Action::Offer,
        "rollback" => Action::Rollback,
        "forgive" => Action::Forgive,
        "shadow" => Action::Shadow,
        "canary" => Action::Canary,
        "approve" => Action::Approve,
        "promote" => Action::Promote,
        "stop" => Action::Stop,
        _ => return None,
    })
}

fn in_json<T: serde::Serialize>(done: Result<T, Refusal>) -> Result<Value, NotDone> {
    let done = done.map_err(NotDone::Refused)?;
    serde_json::to_value(done).map_err(|error| NotDone::BadRequest(error.to_string()))
}

/// Shows a difference, with its case in one line.
fn shown(difference: &Disagreement) -> Value {
    let Disagreement { seq, case, active, candidate, approved } = difference;
    let entry = &case.entry;
    json!({"seq": seq, "at": case.at, "account": entry.account, "vehicle": entry.vehicle,
           "operation": entry.operation, "summary": case.summary(), "active": active, "candidate": candidate,
           "approved": approved})
}
