//! One step of an operation: a question to the connector, repeated by these rules.
//!
//! The policy says what a failure means and what should follow. The host does it unless one of its own rules
//! forbids it; [`rules`](super::rules) is where they stand. After a refresh a step is repeated once; a
//! command whose outcome is unknown is never sent again; attempts, pauses and requests are bounded.
//!
//! `admission` is what comes before an attempt, `attempt` the attempt itself, `follow` what is done about its
//! failure, `remedies` what comes between two, `credentials` what a failure says about those, `failed` how it
//! ends otherwise.

mod admission;
mod attempt;
mod credentials;
mod failed;
mod follow;
mod question;
mod remedies;

use std::collections::BTreeSet;
use std::time::Duration;

use tokio::time::Instant;

pub(crate) use self::failed::{Failed, StepError};
use self::question::{Asked, StepQuestion};
use super::Operation;
use crate::bindings::policy::Effect;
use crate::cell::Snapshot;
use crate::descriptor::Told;
use crate::primitives::Turn;
use crate::protect::retry_budget::Price;

/// The steps of one operation, one after the other.
#[derive(Debug)]
pub(crate) struct Step<'a> {
    operation: &'a Operation,
    /// Number of tries of this step.
    number: u32,
    /// Whether this step was repeated after a refresh.
    refreshed: bool,
    /// The cells that were discarded for this step.
    discarded: BTreeSet<String>,
    /// The cells as of the accepted command: a device asks for its own commands' results.
    pinned: Option<Snapshot>,
    /// The cells as the last call saw them.
    last_view: Snapshot,
    /// Price of the last repeat.
    paid: Option<Price>,
    /// Whether the last failure was at the PIN, which tells nothing about the rest of the cloud.
    at_pin: bool,
    /// Turn of the PIN, held from when it was refused until it is known what that was about. A refusal is
    /// counted as long as it is.
    pin_turn: Option<Turn>,
    /// Word of the answer to the last attempt's command on whether the vehicle was told.
    told: Option<Told>,
    /// Failure of the last attempt.
    failed_before: Option<Failed>,
}

impl<'a> Step<'a> {
    pub(crate) fn new(operation: &'a Operation) -> Self {
        Self {
            operation,
            number: 0,
            refreshed: false,
            discarded: BTreeSet::new(),
            pinned: None,
            last_view: Snapshot::default(),
            paid: None,
            at_pin: false,
            pin_turn: None,
            told: None,
            failed_before: None,
        }
    }

    /// Makes the steps that follow a command which the cloud has taken before the host was restarted.
    pub(crate) fn resumed(operation: &'a Operation) -> Self {
        let pinned = operation.account.context.cells.snapshot();
        Self { pinned: Some(pinned), ..Self::new(operation) }
    }

    /// Records that the cloud has taken the command: questions from now on are asked with the cells that it
    /// was sent with.
    pub(crate) fn accepted(&mut self) {
        self.pinned = Some(self.last_view.clone());
    }

    /// Begins the next step.
    pub(crate) fn next(&mut self) {
        self.number = 0;
        self.refreshed = false;
        self.discarded.clear();
        self.paid = None;
        self.failed_before = None;
    }

    /// Asks, and repeats as the policy wants and the host allows. `trying` is called before each attempt.
    pub(crate) async fn take<Q: StepQuestion>(
        &mut self,
        question: &Q,
        trying: impl Fn(),
    ) -> Result<Q::Answer, StepError> {
        let taken = self.try_until(question, trying).await;
        match &taken {
            Ok(_) => self.accepted_here().await,
            Err(StepError::Failed(failed)) if !self.at_pin => {
                self.operation.account.failed_for(failed.reason);
            }
            Err(_) => {}
        }
        taken
    }

    async fn try_until<Q: StepQuestion>(
        &mut self,
        question: &Q,
        trying: impl Fn(),
    ) -> Result<Q::Answer, StepError> {
        let operation = self.operation;
        let mut repeated = None;
        loop {
            let permits = self.prepare(question.asked()).await?;
            self.number += 1;
            if let Some(why) = repeated {
                self.note_repeat(why);
            }
            match self.attempt(question, &trying).await? {
                Ok(answer) => {
                    permits.succeeded(&operation.policy).await;
                    operation.account.retries.succeeded(self.paid, operation.account.clock());
                    operation.account.answered_well();
                    return Ok(answer);
                }
                Err(failure) => {
                    repeated = Some(self.follow(question.asked(), failure, permits).await?);
                }
            }
        }
    }

    fn left(&self) -> Duration {
        self.operation.deadline.saturating_duration_since(Instant::now())
    }

    /// Whether answering the question sends something that changes the vehicle.
    fn sends_command(&self, asked: Asked<'_>) -> bool {
        matches!(asked, Asked::Command(_)) && self.operation.effect() != Effect::Read
    }

    fn note_repeat(&self, why: &str) {
        let operation = self.operation;
        tracing::info!(
            operation = operation.id,
            op = %operation.name,
            vehicle = operation.vehicle,
            attempt = self.number,
            "operation repeated {why}"
        );
    }
}
