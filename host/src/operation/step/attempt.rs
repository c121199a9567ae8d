//! One attempt: the call of the connector, and its answer.

use std::sync::Arc;
use std::time::Duration;

use super::StepError;
use super::context::Context;
use super::credentials::Credentials;
use super::question::{StepAnswer as _, StepQuestion};
use super::views::{Seen, Views};
use crate::bindings::connector::VehicleRef;
use crate::bindings::policy::Failure;
use crate::bindings::types;
use crate::descriptor::Told;
use crate::judge::failure::{self, Facts};
use crate::metrics;
use crate::operation::Operation;
use crate::plugin::Called;
use crate::primitives::{Call, SESSION, Turn};

/// One attempt, which is admitted.
#[derive(Debug, Clone, Copy)]
pub(super) struct Attempt<'a> {
    pub(super) context: Context<'a>,
    pub(super) views: &'a Views,
}

/// An attempt that was answered, and what its call has left.
pub(super) struct Attempted<A> {
    /// The answer, or the failure as the policy is shown it.
    pub(super) answer: Result<A, Failure>,
    /// What its call saw.
    pub(super) seen: Seen,
    /// Word of the answer to the command on whether the vehicle was told.
    pub(super) told: Option<Told>,
    /// Turn of the PIN, if the attempt has failed while it was held.
    pub(super) pin_turn: Option<Turn>,
}

impl Attempt<'_> {
    /// Asks once. That the PIN was refused in it is told, however it ends.
    pub(super) async fn make<Q: StepQuestion>(
        self,
        question: &Q,
        trying: &impl Fn(),
    ) -> Result<Attempted<Q::Answer>, StepError> {
        let account = &self.context.operation.account;
        let is_refused = || account.context.pin.latched(account.clock().now()).is_some();
        let was_refused = is_refused();
        let made = self.ask(question, trying).await;
        if is_refused() && !was_refused {
            account.announce();
        }
        made
    }

    async fn ask<Q: StepQuestion>(
        self,
        question: &Q,
        trying: &impl Fn(),
    ) -> Result<Attempted<Q::Answer>, StepError> {
        let Self { context, views } = self;
        let operation = context.operation;
        let credentials = Credentials { context, views };
        let (call, token_age) = self.call(question.vehicle());
        let described = operation.account.described.of_vehicle(operation.vehicle.as_deref());
        let asked = operation.connector.ask(&described, question, call);
        let Ok(mut called) =
            tokio::time::timeout_at(operation.deadline, telling::<Q>(operation, asked, trying)).await
        else {
            credentials.told_nothing().await;
            return Err(context.out_of_time());
        };
        if let Some(told) = called.call.patience {
            operation.account.asked_for_patience(Some(told), false);
        }
        let seen = Seen { view: called.call.view.clone(), carried: std::mem::take(&mut called.call.carried) };
        let told = called.call.told;
        match called.answer {
            Ok(Ok(mut answer)) => {
                operation.progress.doubts_vehicle(false);
                answer.keep_to_limits().map_err(|large| context.nonsense(large.to_string().into()))?;
                answer.reveal(&called.call);
                Ok(Attempted { answer: Ok(answer), seen, told, pin_turn: None })
            }
            Ok(Err(failure)) => {
                let failure = self.describe(failure, &called.call, token_age);
                let pin_turn = called.call.pin_turn.take();
                Ok(Attempted { answer: Err(failure), seen, told, pin_turn })
            }
            Err(fault) => {
                credentials.told_nothing().await;
                Err(context.fault(&fault))
            }
        }
    }

    /// Makes a call, and returns the age of the token that it begins with.
    fn call(&self, vehicle: Option<&VehicleRef>) -> (Call, Option<Duration>) {
        let operation = self.context.operation;
        let view = self.views.of_next_call(&operation.account.context.cells);
        let token_age = view.cell(SESSION).and_then(|cell| cell.age(operation.account.clock()));
        let mut call = Call::new(
            Arc::clone(&operation.account.context),
            Arc::clone(&operation.allowance),
            operation.id.clone(),
            view,
        );
        call.purpose = metrics::word_for(operation.name);
        call.vehicle = vehicle.map(|vehicle| operation.account.listing.identity(&vehicle.id));
        (call, token_age)
    }

    fn describe(&self, reported: types::Failure, call: &Call, token_age: Option<Duration>) -> Failure {
        let operation = self.context.operation;
        let facts = Facts {
            cloud: &operation.connector.manifest().name,
            operation: operation.name.as_str(),
            effect: operation.effect(),
            acts: self.context.sends_command(),
            token_age,
            token_last_worked: operation.account.token_last_worked(call.view.generation(SESSION)),
        };
        failure::describe(&facts, reported, call)
    }
}

/// Waits for a call, and reports a try as soon as its first request leaves: what a connector refuses before
/// it sends anything was not tried.
async fn telling<Q: StepQuestion>(
    operation: &Operation,
    asked: impl Future<Output = Called<Q::Answer>>,
    trying: &impl Fn(),
) -> Called<Q::Answer> {
    let mut leaving = std::pin::pin!(operation.allowance.leaving());
    leaving.as_mut().enable();
    let mut asked = std::pin::pin!(asked);
    let called = tokio::select! {
        biased;
        () = leaving => None,
        called = &mut asked => Some(called),
    };
    let not_tried =
        |called: &Called<Q::Answer>| matches!(&called.answer, Ok(Ok(answer)) if answer.is_untried());
    if !called.as_ref().is_some_and(not_tried) {
        trying();
    }
    match called {
        Some(called) => called,
        None => asked.await,
    }
}
