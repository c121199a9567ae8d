//! Calls of a connector that has no host around it: one account, one service, and an answer to every request.

use std::collections::BTreeSet;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use parking_lot::Mutex;
use vehicle_connector::bindings::connector::{Account, Endpoint};
use vehicle_connector::bindings::http::TransportError;
use vehicle_connector::cell::{CellGuard, Cells, Secrets};
use vehicle_connector::descriptor::{Configured, Refusals, SecretClass, SecretRule};
use vehicle_connector::digest::Digest;
use vehicle_connector::entropy::SystemEntropy;
use vehicle_connector::plugin::{Called, Compiled, ConnectorSlot, Question};
use vehicle_connector::primitives::transport::Response;
use vehicle_connector::primitives::{
    self, AccountContext, Allowance, Call, HttpRequest, PinGuard, Skew, Transport,
};
use vehicle_connector::protect::quota::DailyQuota;
use vehicle_connector::sandbox::{Budget, Sandbox};
use vehicle_connector::store::{MemoryStore, Store};
use vehicle_connector::time::{Clock, SystemClock};
use vehicle_connector::wire::publish::Publish;

use crate::{Recording, provenance};

/// The service of the account.
const SERVICE: &str = "http://127.0.0.1:1";

/// A connector without a host.
#[derive(Debug)]
pub struct Alone {
    /// Recording of what was published.
    pub published: Arc<Recording>,
    /// Requests that were sent.
    pub sent: Arc<Sent>,
    slot: Arc<ConnectorSlot>,
    context: Arc<AccountContext>,
}

/// Requests that were sent, each as its method, its URL and its body. All are answered with a session.
#[derive(Debug, Default)]
pub struct Sent(Mutex<Vec<String>>);

impl Transport for Sent {
    fn send(&self, request: HttpRequest) -> BoxFuture<'_, Result<Response, TransportError>> {
        let body = String::from_utf8(request.body.unwrap_or_default()).unwrap();
        self.0.lock().push(format!("{} {} {body}", request.method, request.url));
        let body = br#"{"access_token":"an-access-token","refresh_token":"another-refresh-token"}"#.to_vec();
        let headers = vec![("content-type".to_owned(), "application/json".to_owned())];
        Box::pin(std::future::ready(Ok(Response { status: 200, headers, body })))
    }
}

impl Sent {
    /// Returns the requests so far, in order.
    pub fn requests(&self) -> Vec<String> {
        self.0.lock().clone()
    }
}

impl Alone {
    /// Opens a slot with a connector whose calls may use so much.
    pub async fn open(budget: Budget, component: &[u8]) -> Self {
        let sandbox = Sandbox::new().unwrap().with_budgets(Budget::POLICY, budget);
        let compiled = Compiled::of(&sandbox, component).await.unwrap();
        let slot = Arc::new(ConnectorSlot::open(&sandbox, &compiled, provenance()).await.unwrap());
        let (published, sent) = (Arc::new(Recording::default()), Arc::new(Sent::default()));
        let cells = slot.active().manifest().cells.clone();
        let context = Arc::new(context(cells, &published, &sent).await);
        Self { published, sent, slot, context }
    }

    /// Asks a question.
    pub async fn ask<Q: Question>(&self, question: &Q) -> Called<Q::Answer> {
        let (context, allowance) = (Arc::clone(&self.context), Arc::new(Allowance::new(8)));
        let call = Call::new(context, allowance, "op-1".to_owned(), self.context.cells.snapshot());
        self.slot.active().ask(&account(), question, call).await
    }

    /// Locks a cell, as somebody else.
    pub async fn lock(&self, cell: &str) -> CellGuard {
        self.context.cells.slot(cell).unwrap().acquire().await
    }
}

fn account() -> Account {
    Account {
        id: "home".to_owned(),
        brand: "kia".to_owned(),
        region: "eu".to_owned(),
        language: "en".to_owned(),
        endpoints: vec![Endpoint { name: "idp".to_owned(), url: SERVICE.to_owned() }],
        secrets: vec!["refresh-token".to_owned()],
        settings: vec![("tyres".to_owned(), "round".to_owned())],
    }
}

async fn context(cells: Vec<String>, published: &Arc<Recording>, sent: &Arc<Sent>) -> AccountContext {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::start());
    let tokens = ["refresh-token", "access-token"];
    let rule = |name: &str| {
        let endpoints = BTreeSet::from(["idp".to_owned()]);
        let rule = SecretRule::new(SecretClass::Token, Configured::Never);
        (name.to_owned(), SecretRule { endpoints, ..rule })
    };
    AccountContext {
        account: "home".to_owned(),
        endpoints: vec![primitives::Endpoint { name: "idp".to_owned(), url: SERVICE.parse().unwrap() }],
        secrets: Secrets::from([("refresh-token".to_owned(), "a-refresh-token".to_owned().into())]),
        rules: tokens.map(rule).into_iter().collect(),
        sign_ins: Arc::new(DailyQuota::open("sign-ins", "home", None, &store).await.unwrap()),
        cells: Cells::open("home", cells, &store, &clock).await.unwrap(),
        transport: Arc::clone(sent) as Arc<dyn Transport>,
        entropy: Arc::new(SystemEntropy),
        publisher: Arc::clone(published) as Arc<dyn Publish>,
        topic_prefix: "b/".to_owned(),
        pin: PinGuard::open("home", Digest::of(b"").into(), String::new(), &store, clock.now())
            .await
            .unwrap()
            .0,
        clock,
        skew: Skew::default(),
        metrics: Arc::default(),
        command_answers: Arc::default(),
        refusals: Refusals::default(),
        tap: None,
    }
}
