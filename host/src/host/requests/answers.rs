//! Answers to the questions of accounts, as they come from the broker. What is in them is neither echoed nor logged.

use std::sync::Arc;

use serde_json::Value;

use super::{RequestDesk, answer};
use crate::account::{Account, Answer, NotProgressed};
use crate::host::Request;
use crate::wire::message::{Outgoing, RespondTo};

/// Takes an answer. Returns at once: what the cloud makes of it takes a while, and what comes of it is published as
/// the question, the state of the account and events; the sender's response topic gets it too.
pub(in crate::host) fn take(desk: &Arc<RequestDesk>, account: &str, mut request: Request) {
    // It has arrived. Were it delivered again, the cloud would be given the same code twice.
    drop(request.hold.take());
    let unusable = desk.services.topics.take_unusable(&mut request.respond_to);
    if request.retained {
        desk.announcer.clear_retained(&request.topic);
        let refused = "an answer must not be retained; this one was cleared and not taken";
        tracing::warn!(account, "{refused}");
        return respond(desk, request.respond_to.as_ref(), Err(refused.to_owned()));
    }
    if let Some(unusable) = unusable {
        return tracing::warn!(account, "an answer was not taken: {unusable}");
    }
    let Some(account) = desk.fleet.account(account) else {
        return respond(desk, request.respond_to.as_ref(), Err("there is no such account".to_owned()));
    };
    let (desk, open) = (Arc::clone(desk), desk.shutdown.hold());
    tokio::spawn(async move {
        let _open = open;
        let done = answered(&account, &request.payload).await;
        if let Err(why) = &done {
            tracing::warn!(account = account.slug, "an answer has come to nothing: {why}");
        }
        respond(&desk, request.respond_to.as_ref(), done);
    });
}

/// Answers the question of an account. The error says why that came to nothing, and nothing of the answer.
pub(super) async fn answered(account: &Arc<Account>, payload: &[u8]) -> Result<Value, String> {
    let done = match Answer::parse(payload) {
        // Nothing was answered, and nothing is asked.
        Err(_) if payload.trim_ascii().is_empty() && account.question().is_none() => {
            Err(NotProgressed::NoQuestion(account.slug.clone()))
        }
        Ok(answer) => account.answer(&answer).await,
        Err(why) => Err(NotProgressed::from(why)),
    };
    if let Err(NotProgressed::NotUnderstood(why)) = &done {
        // Whoever answers on a topic sees only the question.
        account.note_problem(why.to_string());
    }
    let done = done.map_err(|why| why.to_string())?;
    serde_json::to_value(done).map_err(|error| error.to_string())
}

fn respond(desk: &RequestDesk, to: Option<&RespondTo>, done: Result<Value, String>) {
    let Some(RespondTo { topic, correlation }) = to else { return };
    let answer = Outgoing::new(topic.clone(), answer(done, b"").to_string()).foreign();
    desk.services.publisher.publish(Outgoing { correlation: correlation.clone(), ..answer });
}
