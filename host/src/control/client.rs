//! The other end: a program that asks a running host.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use secrecy::zeroize::Zeroizing;
use serde::Deserialize;
use serde_json::{Value, json};

use super::address::Address;
use super::{HEARTBEAT, LONGEST_LINE};

/// Longest wait for an answer. A component that brings an interpreter takes a slow machine a minute to
/// compile.
const PATIENCE: Duration = Duration::from_secs(300);

/// Longest silence of a host that tells steps.
const SILENCE: Duration = HEARTBEAT.saturating_mul(3);

/// Reason why there is no answer, or only an unwanted one.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AskError {
    /// No host listens there.
    #[error("{path}: {error}")]
    NoHost {
        /// The socket.
        path: PathBuf,
        /// Error of the operating system.
        error: io::Error,
    },
    /// The socket is there, and this user may not use it.
    #[error("{path}: {error}; only the user that the host runs as may use it, and root")]
    NotAllowed {
        /// The socket.
        path: PathBuf,
        /// Error of the operating system.
        error: io::Error,
    },
    /// The request is larger than the host would read.
    #[error("the request has {size} bytes; the host reads at most {LONGEST_LINE}")]
    TooLarge {
        /// Size in bytes.
        size: usize,
    },
    /// The connection broke before there was an answer. What was asked for may have been done.
    #[error("the host did not answer: {error}; what was asked for may have been done all the same")]
    NoAnswer {
        /// The reason.
        error: io::Error,
    },
    /// The reply is not an answer of a host.
    #[error("what listens at {path} answers in a form that this version does not know: {error}")]
    NotUnderstood {
        /// The socket.
        path: PathBuf,
        /// The reason.
        error: serde_json::Error,
    },
    /// The host did not do what was asked.
    #[error("{0}")]
    Refused(String),
}

#[derive(Deserialize)]
struct Answer {
    status: Status,
    #[serde(default)]
    data: Value,
    error: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Status {
    Ok,
    Error,
    Step,
}

/// Asks the host that runs on a state directory, waits for its answer and returns the data in it. Blocks.
///
/// # Errors
///
/// See [`AskError`].
pub fn ask(directory: &Path, verb: &str, payload: &Value) -> Result<Value, AskError> {
    converse(directory, &json!({"verb": verb, "payload": payload}), PATIENCE, |_| {})
}

/// Asks as [`ask`] does, and is told meanwhile how far the host is, if that is a command's. Blocks.
///
/// # Errors
///
/// See [`AskError`]. A host that says nothing at all for half a minute does not answer.
pub fn ask_in_steps(
    directory: &Path,
    verb: &str,
    payload: &Value,
    step: impl FnMut(Value),
) -> Result<Value, AskError> {
    converse(directory, &json!({"verb": verb, "payload": payload, "steps": true}), SILENCE, step)
}

/// Whether a host listens in a state directory.
///
/// # Errors
///
/// [`AskError::NotAllowed`].
pub fn is_served(directory: &Path) -> Result<bool, AskError> {
    match connect(directory) {
        Ok(_) => Ok(true),
        Err(AskError::NoHost { .. }) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Returns the connection, and the path of the socket.
fn connect(directory: &Path) -> Result<(UnixStream, PathBuf), AskError> {
    let unreachable = |error: io::Error| {
        let path = directory.join(super::SOCKET);
        match error.kind() {
            io::ErrorKind::PermissionDenied => AskError::NotAllowed { path, error },
            _ => AskError::NoHost { path, error },
        }
    };
    let address = Address::within(directory).map_err(unreachable)?;
    let stream = UnixStream::connect(&address.short).map_err(unreachable)?;
    Ok((stream, address.path))
}

fn converse(
    directory: &Path,
    question: &Value,
    silence: Duration,
    mut step: impl FnMut(Value),
) -> Result<Value, AskError> {
    let mut question = Zeroizing::new(question.to_string().into_bytes());
    if question.len() > LONGEST_LINE {
        return Err(AskError::TooLarge { size: question.len() });
    }
    question.push(b'\n');
    let (mut stream, path) = connect(directory)?;
    let patient =
        stream.set_read_timeout(Some(silence)).and_then(|()| stream.set_write_timeout(Some(PATIENCE)));
    patient.map_err(|error| AskError::NoHost { path: path.clone(), error })?;
    let written = stream.write_all(&question);
    let mut written = written.err();
    let mut lines = BufReader::new(stream);
    loop {
        let mut line = Vec::new();
        // A host that hangs up while it is written to has said why before.
        let read = (&mut lines).take(LONGEST_LINE as u64).read_until(b'\n', &mut line);
        if !line.ends_with(b"\n") {
            let ended = io::Error::new(io::ErrorKind::UnexpectedEof, "the connection ended");
            let error = read.err().or(written.take()).unwrap_or(ended);
            return Err(AskError::NoAnswer { error });
        }
        let Answer { status, data, error } = serde_json::from_slice(&line)
            .map_err(|error| AskError::NotUnderstood { path: path.clone(), error })?;
        match status {
            // A sign of life.
            Status::Step if data.is_null() => {}
            Status::Step => step(data),
            Status::Ok => return Ok(data),
            Status::Error => {
                return Err(AskError::Refused(error.unwrap_or_else(|| "no reason was given".to_owned())));
            }
        }
    }
}
