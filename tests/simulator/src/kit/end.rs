//! How a request ends.

use std::io;

use axum::body::{Body, Bytes};
use axum::response::Response;
use futures_util::stream;

use super::{Answer, Wire};

/// How a request ends.
#[derive(Debug)]
pub enum End {
    /// With this answer.
    Answered(Answer),
    /// Without one: the connection is cut.
    Dropped,
    /// With the head of this answer, of whose body only so many bytes arrive.
    Truncated(Answer, usize),
}

impl End {
    /// HTTP status that the client sees; `None` for a connection that is cut.
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Answered(answer) | Self::Truncated(answer, _) => Some(answer.status),
            Self::Dropped => None,
        }
    }

    /// What HTTP is to send; cuts the connection where nothing is to be sent.
    pub fn into_response(self, wire: &Wire) -> Response {
        match self {
            Self::Answered(answer) => answer.into_response(),
            Self::Truncated(answer, keep) => truncated(&answer, keep),
            Self::Dropped => {
                wire.cut();
                Response::default()
            }
        }
    }
}

/// The head of the whole answer, then less body than it promises.
fn truncated(answer: &Answer, keep: usize) -> Response {
    let kept = answer.body.as_bytes().iter().copied().take(keep).collect::<Bytes>();
    let parts = stream::unfold(Some(kept), |kept| async {
        match kept {
            Some(kept) => Some((Ok(kept), None)),
            None => {
                // HTTP flushes what it has only when there is nothing to do; an error at once would lose it.
                tokio::task::yield_now().await;
                Some((Err(io::Error::from(io::ErrorKind::ConnectionReset)), None))
            }
        }
    });
    answer.promise().map(|()| Body::from_stream(parts))
}
