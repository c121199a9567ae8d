//! The other end: a program that asks a running host.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};

use super::LONGEST_LINE;
use super::address::Address;

/// Longest wait for an answer. A component that brings an interpreter takes a slow machine a minute to
/// compile.
const PATIENCE: Duration = Duration::from_secs(300);

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
}

/// Asks the host that runs on a state directory, waits for its answer and returns the data in it. Blocks.
///
/// # Errors
///
/// See [`AskError`].
pub fn ask(directory: &Path, verb: &str, payload: &Value) -> Result<Value, AskError> {
    let unreachable = |error: io::Error| {
        let path = directory.join(super::SOCKET);
        match error.kind() {
            io::ErrorKind::PermissionDenied => AskError::NotAllowed { path, error },
            _ => AskError::NoHost { path, error },
        }
    };
    let mut question = json!({"verb": verb, "payload": payload}).to_string().into_bytes();
    if question.len() > LONGEST_LINE {
        return Err(AskError::TooLarge { size: question.len() });
    }
    question.push(b'\n');
    let address = Address::within(directory).map_err(unreachable)?;
    let mut stream = UnixStream::connect(&address.short).map_err(unreachable)?;
    let patient =
        stream.set_read_timeout(Some(PATIENCE)).and_then(|()| stream.set_write_timeout(Some(PATIENCE)));
    patient.map_err(unreachable)?;
    let written = stream.write_all(&question);
    let mut answer = Vec::new();
    // A host that hangs up while it is written to has said why before.
    let read = BufReader::new(stream.take(LONGEST_LINE as u64)).read_until(b'\n', &mut answer);
    if !answer.ends_with(b"\n") {
        let ended = io::Error::new(io::ErrorKind::UnexpectedEof, "the connection ended");
        let error = read.err().or(written.err()).unwrap_or(ended);
        return Err(AskError::NoAnswer { error });
    }
    let Answer { status, data, error } = serde_json::from_slice(&answer)
        .map_err(|error| AskError::NotUnderstood { path: address.path.clone(), error })?;
    match status {
        Status::Ok => Ok(data),
        Status::Error => Err(AskError::Refused(error.unwrap_or_else(|| "no reason was given".to_owned()))),
    }
}
