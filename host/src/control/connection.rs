//! A connection: questions, and their answers.

use std::io;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Value, json};
use tokio::net::UnixStream;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use super::lines::{Incoming, LARGE, Lines, write};
use super::{IDLE, LONGEST_LINE};
use crate::host::Host;

/// Example of a line, for a client that sent something else.
const EXPECTED: &str = r#"a line is {"verb":"circuit/list","payload":{}}"#;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Question {
    verb: String,
    #[serde(default)]
    payload: Value,
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
                let answer = answer(host, question, by).await;
                drop(place);
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

async fn answer(host: &Arc<Host>, question: Vec<u8>, by: &str) -> Vec<u8> {
    let understood = if question.len() > LARGE {
        // Away from the threads that serve: a component in base64 takes its time.
        match tokio::task::spawn_blocking(move || understand(&question)).await {
            Ok(understood) => understood,
            Err(error) => Err(format!("the request could not be read: {error}")),
        }
    } else {
        understand(&question)
    };
    match understood {
        Ok((verb, payload)) => line(&host.request(&verb, &payload, by).await),
        Err(error) => refusal(&error),
    }
}

fn understand(question: &[u8]) -> Result<(String, Vec<u8>), String> {
    let Question { verb, payload } =
        serde_json::from_slice(question).map_err(|error| format!("{error}; {EXPECTED}"))?;
    let payload = match payload {
        Value::Null => b"{}".to_vec(),
        payload => serde_json::to_vec(&payload).map_err(|error| error.to_string())?,
    };
    Ok((verb, payload))
}
