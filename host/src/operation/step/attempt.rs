//! One attempt: the call of the connector, and its answer.

use std::sync::Arc;
use std::time::Duration;

use super::Step;
use super::failed::StepError;
use super::question::{Asked, StepAnswer as _, StepQuestion};
use crate::bindings::policy::Failure;
use crate::bindings::types;
use crate::judge::failure::{self, Facts};
use crate::operation::Operation;
use crate::plugin::Called;
use crate::primitives::{Call, SESSION};

impl Step<'_> {
    /// Asks once, and returns the answer, or the failure as the policy is shown it.
    pub(super) async fn attempt<Q: StepQuestion>(
        &mut self,
        question: &Q,
        trying: &impl Fn(),
    ) -> Result<Result<Q::Answer, Failure>, StepError> {
        let operation = self.operation;
        let (call, token_age) = self.call();
        let described = operation.account.described_for(operation.vehicle.as_deref());
        let asked = operation.connector.ask(&described, question, call);
        let Ok(mut called) =
            tokio::time::timeout_at(operation.deadline, telling::<Q>(operation, asked, trying)).await
        else {
            self.told_nothing().await;
            return Err(self.out_of_time());
        };
        self.last_view = called.call.view.clone();
        self.told = called.call.told;
        if let Some(told) = called.call.patience {
            operation.account.asked_for_patience(Some(told), false);
        }
        match called.answer {
            Ok(Ok(mut answer)) => {
                operation.progress.doubts_vehicle(false);
                answer.keep_to_limits().map_err(|large| self.nonsense(large.to_string().into()))?;
                answer.reveal(&called.call);
                Ok(Ok(answer))
            }
            Ok(Err(failure)) => {
                let failure = self.describe(question.asked(), failure, &called.call, token_age);
                self.pin_turn = called.call.pin_turn.take();
                Ok(Err(failure))
            }
            Err(fault) => {
                self.told_nothing().await;
                Err(self.fault(&fault))
            }
        }
    }

    /// Makes a call, and returns the age of the token that it begins with.
    fn call(&self) -> (Call, Option<Duration>) {
        let operation = self.operation;
        let mut view = operation.account.context.cells.snapshot();
        if let Some(pinned) = &self.pinned {
            for (name, cell) in pinned.cells().filter(|(name, _)| *name != SESSION) {
                view.pin(name, Arc::clone(cell));
            }
        }
        let token_age = view.cell(SESSION).and_then(|cell| cell.age(operation.account.clock()));
        let call = Call::new(
            Arc::clone(&operation.account.context),
            Arc::clone(&operation.allowance),
            operation.id.clone(),
            view,
        );
        (call, token_age)
    }

    fn describe(
        &self,
        asked: Asked<'_>,
        reported: types::Failure,
        call: &Call,
        token_age: Option<Duration>,
    ) -> Failure {
        let operation = self.operation;
        let facts = Facts {
            cloud: &operation.connector.manifest().cloud,
            operation: operation.name.as_str(),
            effect: operation.effect(),
            acts: self.sends_command(asked),
            token_age,
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
