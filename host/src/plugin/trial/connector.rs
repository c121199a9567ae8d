//! The trial of a connector: it asks a cloud that answers with well-known failures, and has to report them as
//! what they are. A connector that takes a refusal for a success, or reports a sent request as not sent,
//! would undo everything that the host does about failures.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;

use super::wrong;
use crate::bindings::connector::Account;
use crate::bindings::http::TransportError;
use crate::bindings::types::{Certainty, Failure};
use crate::cell::{Cells, Contents, Secrets};
use crate::descriptor::{CommandAnswers, Refusals, SecretRules};
use crate::digest::Digest;
use crate::entropy::SystemEntropy;
use crate::plugin::ActivationError;
use crate::plugin::connector::{Called, ConnectorPlugin};
use crate::plugin::question::{ListVehicles, RefreshSession};
use crate::primitives::transport::Response;
use crate::primitives::{
    AccountContext, Allowance, Call, Endpoint, HttpRequest, PinGuard, SESSION, Skew, Transport,
};
use crate::protect::quota::DailyQuota;
use crate::sandbox::CallFault;
use crate::store::{MemoryStore, Store, StoreError};
use crate::time::{Clock, SystemClock};
use crate::wire::publish::Discard;

/// Number of requests that a connector may send for one question of its trial.
const SENDS: u32 = 16;

/// Longest duration of a trial: the person who moved a component into the folder waits for it, and so does
/// the next component. No cloud has to be waited for.
const LONGEST_TRIAL: Duration = Duration::from_secs(30);

/// An account like those that the connector will serve, with nothing behind it.
#[derive(Debug, Clone)]
pub(crate) struct TrialAccount {
    /// Description for connectors.
    pub(crate) described: Account,
    /// Services that it may reach.
    pub(crate) endpoints: Vec<Endpoint>,
    /// Rules of its secrets. Their values are made up.
    pub(crate) rules: SecretRules,
    /// Evidence in answers to commands.
    pub(crate) command_answers: Arc<CommandAnswers>,
}

/// The answer of the cloud to every request.
#[derive(Debug, Clone, Copy)]
enum Canned {
    Answer(u16, &'static str, &'static str),
    NotSent,
    Interrupted,
}

impl Transport for Canned {
    fn send(&self, _request: HttpRequest) -> BoxFuture<'_, Result<Response, TransportError>> {
        let answer = match *self {
            Self::Answer(status, content_type, body) => Ok(Response {
                status,
                headers: vec![("content-type".to_owned(), content_type.to_owned())],
                body: body.into(),
            }),
            Self::NotSent => Err(TransportError::NotSent("no connection".to_owned())),
            Self::Interrupted => Err(TransportError::Interrupted("no answer in time".to_owned())),
        };
        Box::pin(std::future::ready(answer))
    }
}

/// A question, the answer of the cloud, and the demand on the connector.
struct Known {
    /// Name of the case in a refusal.
    case: &'static str,
    question: Asked,
    cloud: Canned,
    demands: Demands,
}

/// The question.
#[derive(Debug, Clone, Copy)]
enum Asked {
    Vehicles,
    Session,
}

#[derive(Clone, Copy)]
enum Demands {
    /// A failure with this status.
    Status(u16),
    /// A failure before anything was sent.
    NotSent,
    /// A failure that is not reported as one before anything was sent.
    PerhapsSent,
    /// Any answer.
    Answer,
}

const JSON: &str = "application/json";

fn known_failures() -> [Known; 6] {
    let known = |case, question, cloud, demands| Known { case, question, cloud, demands };
    let expired = r#"{"errId":"a","errCode":"401","errMsg":"Key not authorized: Token is expired"}"#;
    let refused = r#"{"error":"invalid_grant","error_description":"The refresh token is invalid"}"#;
    let page = "<html><body>503 Service Unavailable</body></html>";
    [
        known(
            "a token that is refused (HTTP 401)",
            Asked::Vehicles,
            Canned::Answer(401, JSON, expired),
            Demands::Status(401),
        ),
        known(
            "a grant that is refused (HTTP 400, invalid_grant)",
            Asked::Session,
            Canned::Answer(400, JSON, refused),
            Demands::Status(400),
        ),
        known(
            "a page that says that the service is unavailable (HTTP 503)",
            Asked::Vehicles,
            Canned::Answer(503, "text/html", page),
            Demands::Status(503),
        ),
        known("a cloud that cannot be reached", Asked::Vehicles, Canned::NotSent, Demands::NotSent),
        known(
            "a request that was never answered",
            Asked::Vehicles,
            Canned::Interrupted,
            Demands::PerhapsSent,
        ),
        known(
            "an answer that is none (HTTP 200 with a page)",
            Asked::Vehicles,
            Canned::Answer(200, "text/html", "<html></html>"),
            Demands::Answer,
        ),
    ]
}

/// Tests a connector with well-known failures.
///
/// # Errors
///
/// The call without an answer, or the case with a wrong one.
pub(in crate::plugin) async fn of_connector(
    plugin: &ConnectorPlugin,
    account: &TrialAccount,
) -> Result<(), ActivationError> {
    let trial = async {
        for known in known_failures() {
            let call = call(plugin, account, known.cloud).await.map_err(|error| wrong(error.to_string()))?;
            let (failure, left) = known.question.put(plugin, &account.described, call).await?;
            known.judge(failure.as_ref(), left)?;
        }
        Ok(())
    };
    let in_time = tokio::time::timeout(LONGEST_TRIAL, trial).await;
    in_time.unwrap_or_else(|_| Err(wrong(format!("it took longer than {} s", LONGEST_TRIAL.as_secs()))))
}

/// Makes a call in a context that looks like an account's with a session, over a cloud that always gives the
/// same answer.
async fn call(plugin: &ConnectorPlugin, account: &TrialAccount, cloud: Canned) -> Result<Call, StoreError> {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::start());
    let slug = account.described.id.as_str();
    let names = plugin.manifest.cells.iter().cloned().chain([SESSION.to_owned()]);
    let cells = Cells::open(slug, names, &store, &clock).await?;
    let secrets: Secrets =
        account.rules.keys().map(|name| (name.clone(), format!("trial-{name}").into())).collect();
    if let Some(session) = cells.slot(SESSION) {
        let contents = Contents { secrets: secrets.clone(), ..Contents::default() };
        session.acquire().await.commit(contents).await?;
    }
    let view = cells.snapshot();
    let now = clock.now();
    let context = AccountContext {
        account: slug.to_owned(),
        endpoints: account.endpoints.clone(),
        // Secrets of a session are not the configuration's: the number of times they are sent in one call has
        // a limit.
        secrets: secrets
            .into_iter()
            .filter(|(name, _)| account.rules.get(name).is_some_and(|rule| !rule.is_capturable()))
            .collect(),
        rules: account.rules.clone(),
        sign_ins: Arc::new(DailyQuota::open("sign-ins", slug, None, &store).await?),
        command_answers: Arc::clone(&account.command_answers),
        refusals: Refusals::default(),
        cells,
        transport: Arc::new(cloud),
        clock,
        entropy: Arc::new(SystemEntropy),
        publisher: Arc::new(Discard),
        topic_prefix: String::new(),
        pin: PinGuard::open(slug, Digest::of(b"trial").into(), String::new(), &store, now).await?.0,
        skew: Skew::default(),
        metrics: Arc::default(),
        tap: None,
    };
    Ok(Call::new(Arc::new(context), Arc::new(Allowance::new(SENDS)), "trial".to_owned(), view))
}

impl Asked {
    /// Asks the question. Returns the failure that the connector reports, if it reports one, and whether a request
    /// left.
    async fn put(
        self,
        plugin: &ConnectorPlugin,
        account: &Account,
        call: Call,
    ) -> Result<(Option<Failure>, bool), CallFault> {
        match self {
            Self::Vehicles => {
                let Called { answer, call } = plugin.ask(account, &ListVehicles, call).await;
                Ok((answer?.err(), call.left))
            }
            Self::Session => {
                let Called { answer, call } = plugin.ask(account, &RefreshSession, call).await;
                Ok((answer?.err(), call.left))
            }
        }
    }
}

impl Known {
    /// Judges what was reported. `left` says whether a request was sent for it.
    fn judge(&self, failure: Option<&Failure>, left: bool) -> Result<(), ActivationError> {
        let case = self.case;
        let failure = match (failure, self.demands) {
            (_, Demands::Answer) => return Ok(()),
            (Some(failure), _) => failure,
            (None, _) => return Err(wrong(format!("{case} is reported as a success"))),
        };
        let Failure { http_status, certainty, .. } = failure;
        let not_sent = *certainty == Certainty::NotSent;
        if matches!(self.question, Asked::Session) && !left && not_sent {
            // There are clouds without a refresh: nothing was sent, and that is what it says.
            return Ok(());
        }
        match self.demands {
            Demands::Status(status) if *http_status != Some(status) => {
                Err(wrong(format!("{case} is reported with the status {http_status:?}")))
            }
            Demands::NotSent if !not_sent => Err(wrong(format!("{case} is reported as {certainty:?}"))),
            Demands::PerhapsSent | Demands::Status(_) if not_sent => {
                Err(wrong(format!("{case} is reported as never sent")))
            }
            Demands::Status(_) | Demands::NotSent | Demands::PerhapsSent | Demands::Answer => Ok(()),
        }
    }
}
