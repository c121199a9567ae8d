//! The way in for messages: what arrives is a command or a request, or there was no room for it.

use std::sync::Arc;

use futures_util::future::join_all;

use super::requests::take_answer;
use super::{Host, Refused, Request};
use crate::wire::topics::Incoming;

impl Host {
    /// Takes a message. Returns as soon as the command has its place in the queue, or its result if it is not
    /// done; the order of calls is the order of commands.
    #[doc(hidden)]
    pub async fn handle(self: &Arc<Self>, request: Request) {
        self.handle_all(vec![request]).await;
    }

    /// Takes messages in their order, as [`Host::handle`] does. Commands that follow each other are written
    /// down together: they wait for the disk once.
    #[doc(hidden)]
    pub async fn handle_all(self: &Arc<Self>, requests: Vec<Request>) {
        self.take_in(requests, Vec::new()).await;
    }

    /// Takes messages as [`Host::handle_all`] does, and then publishes that the refused ones are not done
    /// because there was no room for them.
    ///
    /// Once begun that goes on to its end, also if the future is dropped, and [`Host::stop`] waits for it:
    /// otherwise the broker would be told that a message has arrived, and no caller would ever be told what
    /// became of it.
    #[doc(hidden)]
    pub async fn take_in(self: &Arc<Self>, requests: Vec<Request>, refused: Vec<Refused>) {
        let (host, open) = (Arc::clone(self), self.shutdown.hold());
        let taking = async move {
            let _open = open;
            host.take_all(requests).await;
            join_all(refused.into_iter().map(|refused| host.refuse(refused))).await;
        };
        if let Err(error) = tokio::spawn(taking).await {
            tracing::error!("messages that have arrived were not dealt with: {error}");
        }
    }

    async fn take_all(&self, requests: Vec<Request>) {
        let mut commands: Vec<Request> = Vec::new();
        for request in requests {
            // Never a command: it is how retained messages are cleared, by this host too, and MQTT 3.1.1
            // brokers send that back without saying so.
            if request.payload.trim_ascii().is_empty() {
                continue;
            }
            match self.services.topics.parse(&request.topic) {
                Some(Incoming::Command { .. } | Incoming::Legacy { .. }) => {
                    let repeats = |before: &Request| {
                        request
                            .delivery
                            .zip(before.delivery)
                            .is_some_and(|(this, before)| this.repeats(&before))
                    };
                    // The outcome of the first has to be known before the second is looked at.
                    if commands.iter().any(repeats) {
                        self.commands.handle(std::mem::take(&mut commands)).await;
                    }
                    commands.push(request);
                }
                Some(Incoming::Answer { account }) => {
                    let account = account.to_owned();
                    take_answer(&self.requests, &account, request);
                }
                Some(Incoming::Request { verb }) => {
                    let verb = verb.to_owned();
                    self.commands.handle(std::mem::take(&mut commands)).await;
                    self.requests.answer(&verb, request).await;
                }
                None => {}
            }
        }
        self.commands.handle(commands).await;
    }

    async fn refuse(&self, mut refused: Refused) {
        // An answer to the wrong place would be worse than none.
        let _unusable = self.services.topics.take_unusable(&mut refused.respond_to);
        if refused.retained {
            self.announcer.clear_retained(&refused.topic);
        }
        let message = "messages arrive faster than they can be done; send it again later".to_owned();
        let topic = refused.topic.clone();
        match self.services.topics.parse(&topic) {
            Some(Incoming::Command { vehicle, operation }) => {
                self.commands.refuse(vehicle, operation, refused, message).await;
            }
            Some(Incoming::Legacy { id, command }) => {
                if let Some(vehicle) = self.services.topics.legacy().and_then(|legacy| legacy.slug_of(id)) {
                    self.commands.refuse(&vehicle, command, refused, message).await;
                }
            }
            Some(Incoming::Request { verb }) => {
                let Refused { topic, respond_to, hold, .. } = refused;
                let request = Request { topic, respond_to, hold, ..Request::default() };
                self.requests.answer_busy(verb, &request, message);
            }
            // Whoever answers sees that the question is still open.
            Some(Incoming::Answer { .. }) | None => {}
        }
    }
}
