//! One step of an operation: a question to the connector, repeated by these rules.
//!
//! The policy says what a failure means and what should follow. The host does it unless one of its own rules
//! forbids it; [`rules`](super::rules) is where they stand. After a refresh a step is repeated once; a
//! command whose outcome is unknown is never sent again; attempts, pauses and requests are bounded.
//!
//! `admission` is what comes before an attempt, `attempt` the attempt itself, `follow` what is done about its
//! failure, `done` the same in words, `remedies` what comes between two, `session` the session that both need, `credentials` what a
//! failure says about those, `failed` how it ends otherwise. All of them are told in a `context` which step it
//! is, and `views` are the cells as its calls see them.

mod admission;
mod attempt;
mod context;
mod credentials;
mod done;
mod failed;
mod follow;
mod question;
mod remedies;
mod session;
mod views;

use self::admission::Admission;
use self::attempt::{Attempt, Attempted};
use self::context::Context;
use self::credentials::Credentials;
pub(crate) use self::failed::{Failed, Later, StepError};
pub(super) use self::question::StepAnswer;
use self::question::{Asked, StepQuestion};
use self::remedies::Remedies;
use self::views::Views;
use super::Operation;
use crate::descriptor::Told;
use crate::primitives::{SESSION, Turn};

/// The steps of one operation, one after the other.
#[derive(Debug)]
pub(crate) struct Step<'a> {
    operation: &'a Operation,
    /// Number of tries of this step.
    number: u32,
    remedies: Remedies,
    views: Views,
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
            remedies: Remedies::default(),
            views: Views::default(),
            at_pin: false,
            pin_turn: None,
            told: None,
            failed_before: None,
        }
    }

    /// Makes the steps that follow a command which the cloud has taken before the host was restarted.
    pub(crate) fn resumed(operation: &'a Operation) -> Self {
        let views = Views::pinned_to(operation.account.context.cells.snapshot());
        Self { views, ..Self::new(operation) }
    }

    /// Records that the cloud has taken the command: questions from now on are asked with the cells that it
    /// was sent with.
    pub(crate) fn accepted(&mut self) {
        self.views.pin_the_last();
    }

    /// Begins the next step.
    pub(crate) fn next(&mut self) {
        self.number = 0;
        self.remedies = Remedies::default();
        self.failed_before = None;
    }

    /// Asks, and repeats as the policy wants and the host allows. `trying` is called before each attempt.
    pub(crate) async fn take<Q: StepQuestion>(
        &mut self,
        question: &Q,
        trying: impl Fn(),
    ) -> Result<Q::Answer, StepError> {
        let account = &self.operation.account;
        let taken = self.try_until(question, trying).await;
        match &taken {
            Ok(_) => {
                // It has got past the registration.
                account.registration.forget().await;
                account.token_worked(self.views.generation(SESSION));
                account.reached();
            }
            Err(StepError::Failed(failed)) if !self.at_pin => {
                account.failed_for(failed.reason, &failed.words)
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
        let (operation, asked) = (self.operation, question.asked());
        let mut repeated = None;
        loop {
            let permits = self.admission(asked).admit().await?;
            self.number += 1;
            if let Some(why) = repeated {
                self.note_repeat(why);
            }
            let attempt = Attempt { context: self.context(asked), views: &self.views };
            let Attempted { answer, seen, told, pin_turn } = attempt.make(question, &trying).await?;
            self.views.saw(seen);
            (self.told, self.pin_turn) = (told, pin_turn);
            match answer {
                Ok(answer) => {
                    permits.succeeded(&operation.policy).await;
                    operation.account.retries.succeeded(self.remedies.paid, operation.account.clock());
                    operation.account.answered_well();
                    return Ok(answer);
                }
                Err(failure) => {
                    repeated = Some(self.follow(asked, failure, permits).await?);
                }
            }
        }
    }

    fn context<'c>(&self, asked: Asked<'c>) -> Context<'c>
    where
        'a: 'c,
    {
        Context { operation: self.operation, asked, number: self.number }
    }

    fn admission<'c>(&self, asked: Asked<'c>) -> Admission<'c, '_>
    where
        'a: 'c,
    {
        Admission {
            context: self.context(asked),
            views: &self.views,
            failed_before: self.failed_before.as_ref(),
        }
    }

    fn credentials<'s>(&'s self, asked: Asked<'s>) -> Credentials<'s> {
        Credentials { context: self.context(asked), views: &self.views }
    }

    fn note_repeat(&self, why: &str) {
        let operation = self.operation;
        operation.account.services.metrics.repeated(&operation.account.slug);
        tracing::info!(
            operation = operation.id,
            op = %operation.name,
            vehicle = operation.vehicle,
            attempt = self.number,
            "operation repeated {why}"
        );
    }
}
