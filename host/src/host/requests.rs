//! Requests to the host itself, and their answers: on `bridge/request/…`, and by whatever other way they
//! come.

mod accounts;
mod answers;
mod caller;
mod commands;
mod importing;
mod logs;
mod queue;
mod sign_in;
mod vehicles;

use std::sync::Arc;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::wire::message::RespondTo;

pub(super) use self::accounts::known;
pub(super) use self::answers::take as take_answer;
pub(super) use self::caller::{BY_MESSAGE, Caller};
pub(super) use self::queue::Queue;
use super::Request;
use super::announcer::Announcer;
use super::circuit_desk::CircuitDesk;
use super::command_desk::CommandDesk;
use super::config_desk::ConfigDesk;
use super::discovery_desk::DiscoveryDesk;
use super::fleet::Fleet;
use super::plugin_desk::PluginDesk;
use super::shutdown::Shutdown;
use crate::program_log::ProgramLog;
use crate::services::Services;
use crate::wire::message::Notice;
use crate::wire::message::Outgoing;

/// The largest request that is read, in bytes. A larger component comes by the control socket or the folder.
const LARGEST: usize = 1 << 20;

/// Verbs of all requests.
const VERBS: &str = "vehicle/list, vehicle/status; command/send, command/show, command/wait; account/retry, account/retries, account/login, account/logout, account/answer, account/question, account/credentials, account/import, account/list, account/quota; config/reload; log/level, log/recent; state/backup; circuit/list, \
                     circuit/open, circuit/isolate, circuit/close; discovery/show, discovery/publish, discovery/clear; \
                     policy/ and connector/ with list, swap, offer, verify, rollback, history, forgive; policy/shadow, \
                     policy/canary, policy/diff, policy/approve, \
                     policy/promote, policy/stop";

/// Answers a request with how it went, and the transaction that it came with.
fn answer(done: Result<Value, String>, payload: &[u8]) -> Value {
    // Only the transaction, and not a component besides.
    #[derive(Default, Deserialize)]
    struct Asked {
        #[serde(default)]
        transaction: Value,
    }
    let Asked { transaction } = serde_json::from_slice(payload).unwrap_or_default();
    match done {
        Ok(data) => json!({"status": "ok", "data": data, "error": null, "transaction": transaction}),
        Err(error) => json!({"status": "error", "data": null, "error": error, "transaction": transaction}),
    }
}

/// Parses the payload of a request; the error says what would be valid.
pub(super) fn parsed<T: DeserializeOwned>(payload: &[u8], takes: &str) -> Result<T, String> {
    // A list would be taken for the values of the fields in their order.
    if !payload.trim_ascii_start().starts_with(b"{") {
        return Err(format!("it is no JSON object; {takes}"));
    }
    serde_json::from_slice(payload).map_err(|error| format!("{error}; {takes}"))
}

/// Does what operators ask for, and answers.
#[derive(Debug)]
pub(super) struct RequestDesk {
    pub(super) services: Arc<Services>,
    pub(super) fleet: Arc<Fleet>,
    pub(super) announcer: Arc<Announcer>,
    pub(super) plugins: Arc<PluginDesk>,
    pub(super) circuits: Arc<CircuitDesk>,
    pub(super) commands: Arc<CommandDesk>,
    pub(super) discovery: Arc<DiscoveryDesk>,
    pub(super) reloads: Arc<ConfigDesk>,
    pub(super) program_log: Option<Arc<dyn ProgramLog>>,
    /// Queue in which messages about plugins wait for their turn.
    pub(super) queue: Queue,
    pub(super) shutdown: Arc<Shutdown>,
}

impl RequestDesk {
    /// Does what a message asks for and publishes how that went, on the response topic of the verb and
    /// wherever else the caller wants the answer. What follows a request about a circuit finds it as it was
    /// asked to be. Requests about plugins are done one after the other, in the order of their arrival, and
    /// nothing waits for them; a few may wait, and one too many is refused.
    pub(super) async fn answer(&self, verb: &str, mut request: Request) {
        if let Some(unusable) = self.services.topics.take_unusable(&mut request.respond_to) {
            return self.respond_to(verb, &request, &answer(Err(unusable), &request.payload));
        }
        if request.retained {
            self.announcer.clear_retained(&request.topic);
            let refused = "requests must not be retained; this one was cleared and not done".to_owned();
            return self.respond_to(verb, &request, &answer(Err(refused), &request.payload));
        }
        let size = request.payload.len();
        if size > LARGEST {
            let refused = format!(
                "the request has {size} bytes; at most {LARGEST} are read; larger components come by the control \
                 socket (`vehicle-connector policy swap`, `connector swap`) or the watched folder"
            );
            self.plugins.note_unread(verb, &refused).await;
            // Without its transaction: it is not read.
            return self.respond_to(verb, &request, &answer(Err(refused), &[]));
        }
        let takes_a_while = ["policy/", "connector/", "config/", "account/login", "account/answer"];
        if takes_a_while.iter().any(|those| verb.starts_with(those)) {
            return self.in_turn(verb, request);
        }
        let answer = self.request(verb, &request.payload, Caller::Message).await;
        self.respond_to(verb, &request, &answer);
    }

    /// Publishes that there was no room for a request. Its content is not known any more.
    pub(super) fn answer_busy(&self, verb: &str, request: &Request, message: String) {
        self.respond_to(verb, request, &answer(Err(message), &[]));
    }

    fn respond_to(&self, verb: &str, request: &Request, answer: &Value) {
        let payload = answer.to_string();
        let response = Outgoing::new(self.services.topics.bridge_response(verb), payload.clone());
        self.services
            .publisher
            .publish(Outgoing { notice: request.hold.clone().map(Notice::from), ..response });
        if let Some(RespondTo { topic, correlation }) = &request.respond_to {
            let answer = Outgoing::new(topic.clone(), payload).foreign();
            self.services.publisher.publish(Outgoing { correlation: correlation.clone(), ..answer });
        }
    }

    /// Does what an operator asks for, by whichever way the request came in, and returns the answer:
    /// `{"status":"ok"|"error","data":…,"error":…,"transaction":…}`.
    pub(super) async fn request(&self, verb: &str, payload: &[u8], caller: Caller<'_>) -> Value {
        let by = caller.name();
        let done = match verb.split_once('/') {
            Some(("vehicle", what)) => self.about_vehicles(what, payload, caller).await,
            Some(("command", what)) => self.about_commands(what, payload, caller).await,
            Some(("account", what)) => accounts::about(&self.fleet, what, payload, caller).await,
            Some(("log", what)) => logs::about(self.program_log.as_ref(), what, payload, by).await,
            Some(("config", what)) => self.reloads.about(what, payload, by).await,
            Some(("state", "backup")) => Some(self.reloads.back_up(payload, by).await),
            Some(("circuit", what)) => self.circuits.about(what, payload).await,
            Some(("discovery", what)) => self.discovery.about(what, payload).await,
            Some((kind, what)) => self.plugins.about(kind, what, payload, by).await,
            None => None,
        };
        let none = || Err(format!("there is no request {verb:?}; there are {VERBS}"));
        answer(done.unwrap_or_else(none), payload)
    }
}
