//! A connection: questions, and their answers.

use std::io;
use std::sync::Arc;

use secrecy::zeroize::Zeroizing;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::net::UnixStream;
use tokio::sync::{Semaphore, mpsc};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::lines::{Incoming, LARGE, Lines, write};
use super::{HEARTBEAT, IDLE, LONGEST_LINE};
use crate::host::Host;
use crate::redact::wipe;

/// Example of a line, for a client that sent something else.
const EXPECTED: &str = r#"a line is {"verb":"circuit/list","payload":{}}"#;

/// Number of steps that may wait to be written.
const STEPS: usize = 16;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Question {
    verb: String,
    #[serde(default)]
    payload: Value,
    /// Whether lines may come before the answer.
    #[serde(default)]
    steps: bool,
}

/// A question that was understood.
struct Understood {
    verb: String,
    payload: Zeroizing<Vec<u8>>,
    steps: bool,
}

/// An error in the form of the host's answers.
pub(super) fn refusal(error: &str) -> Vec<u8> {
    line(&json!({"status": "error", "data": null, "error": error, "transaction": null}))
}

fn line(answer: &Value) -> Vec<u8> {
    let mut line = answer.to_string().into_bytes();
    line.push(b'\n');
    line
}

/// Serves a connection until its other end, time, or the host ends it.
///
/// # Errors
///
/// When the connection breaks, or stands still for too long.
pub(super) async fn serve(
    stream: &UnixStream,
    host: &Arc<Host>,
    by: &str,
    large: Arc<Semaphore>,
    stop: &CancellationToken,
) -> io::Result<()> {
    let mut lines = Lines::new(large);
    loop {
        let incoming = tokio::select! {
            incoming = lines.next(stream) => incoming?,
            () = stop.cancelled() => return Ok(()),
        };
        match incoming {
            Incoming::Line(question, place) => {
                if question.trim_ascii().is_empty() {
                    continue;
                }
                let understood = read(Zeroizing::new(question)).await;
                drop(place);
                let answer = match understood {
                    Ok(Understood { verb, payload, steps: false }) => {
                        line(&host.request(&verb, &payload, by).await)
                    }
                    Ok(question) => answer_in_steps(stream, host, question, by).await?,
                    Err(error) => refusal(&error),
                };
                write(stream, &answer).await?;
            }
            Incoming::TooLong => {
                let error = format!("the line is too long: a request has at most {LONGEST_LINE} bytes");
                return write(stream, &refusal(&error)).await;
            }
            Incoming::NoPlace => {
                let error = format!(
                    "another large request has been on its way for {} s; try again later",
                    IDLE.as_secs()
                );
                return write(stream, &refusal(&error)).await;
            }
            Incoming::Ended => return Ok(()),
        }
    }
}

/// Answers a question whose sender wants to know how far it is meanwhile: writes a line for every step, and one
/// without a step now and then, so that the sender knows that the host is there. Returns the answer.
///
/// # Errors
///
/// When the sender is there no more. What it has asked for goes on.
async fn answer_in_steps(
    stream: &UnixStream,
    host: &Arc<Host>,
    question: Understood,
    by: &str,
) -> io::Result<Vec<u8>> {
    let (told, mut steps) = mpsc::channel(STEPS);
    let (host, by) = (Arc::clone(host), by.to_owned());
    let mut answering = tokio::spawn(async move {
        let Understood { verb, payload, .. } = question;
        host.request_in_steps(&verb, &payload, &by, &told).await
    });
    let mut beat = tokio::time::interval_at(Instant::now() + HEARTBEAT, HEARTBEAT);
    let step =
        |step: Value| line(&json!({"status": "step", "data": step, "error": null, "transaction": null}));
    loop {
        tokio::select! {
            // What was told before the answer is written before it.
            biased;
            Some(told) = steps.recv() => write(stream, &step(told)).await?,
            answer = &mut answering => {
                return Ok(match answer {
                    Ok(answer) => line(&answer),
                    Err(error) => refusal(&format!("the host has failed to answer: {error}")),
                });
            }
            _ = beat.tick() => write(stream, &step(Value::Null)).await?,
        }
    }
}

async fn read(question: Zeroizing<Vec<u8>>) -> Result<Understood, String> {
    if question.len() <= LARGE {
        return understand(&question);
    }
    // Away from the threads that serve: a component in base64 takes its time.
    match tokio::task::spawn_blocking(move || understand(&question)).await {
        Ok(understood) => understood,
        Err(error) => Err(format!("the request could not be read: {error}")),
    }
}

fn understand(question: &[u8]) -> Result<Understood, String> {
    let Question { verb, payload, steps } =
        serde_json::from_slice(question).map_err(|error| format!("{error}; {EXPECTED}"))?;
    let payload = match payload {
        Value::Null => Ok(b"{}".to_vec()),
        mut payload => {
            let text = serde_json::to_vec(&payload).map_err(|error| error.to_string());
            // What is in it may be a secret, and is needed in one place only.
            wipe(&mut payload);
            text
        }
    };
    let payload = Zeroizing::new(payload?);
    Ok(Understood { verb, payload, steps })
}
