//! How an account is signed in: what its session is, what it was given to sign in with, and what comes next.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use super::Account;
use super::question::Shown;
use crate::cell::Cell;
use crate::primitives::SESSION;
use crate::protect::quota::Count;

/// How an account is signed in. Names and times, and no secret.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Standing {
    /// The session; none if there is none.
    session: Option<Session>,
    /// Names of the secrets that the configuration has.
    credentials: Vec<String>,
    /// Sign-ins within the last 24 hours.
    sign_ins: Count,
    /// The question that is open.
    question: Option<Shown>,
}

/// A session, as far as it is shown.
#[derive(Debug, Clone, Serialize)]
struct Session {
    /// The connector's word for its kind, if it has several.
    family: Option<String>,
    /// The connector's word for the way by which it is renewed, if it has several.
    route: Option<String>,
    /// Time of the sign-in, import or renewal that it is of.
    since: Option<Timestamp>,
    /// End of the access token.
    access_ends_at: Option<Timestamp>,
    /// End of what renews it, if that is not used before.
    refresh_ends_at: Option<Timestamp>,
    /// End of all of it, whatever is done.
    grant_ends_at: Option<Timestamp>,
    /// Whether the cloud has refused its token.
    refused: bool,
}

impl Account {
    /// Returns how the account is signed in.
    pub(crate) fn standing(&self) -> Standing {
        let now = self.clock().now();
        let cell = self.context.cells.slot(SESSION).map(|slot| slot.current());
        Standing {
            session: cell.and_then(|cell| self.session_of(&cell)),
            credentials: self.context.secrets.keys().cloned().collect(),
            sign_ins: self.context.sign_ins.counted(now),
            question: self.question(),
        }
    }

    fn session_of(&self, cell: &Cell) -> Option<Session> {
        let value = cell.value.as_ref()?;
        let value: Value = serde_json::from_str(value).unwrap_or_default();
        let word = |key: &str| value.get(key).and_then(Value::as_str).map(str::to_owned);
        Some(Session {
            family: word("family"),
            route: word("route"),
            since: cell.committed_at,
            access_ends_at: cell.ends.access,
            refresh_ends_at: cell.ends.refresh,
            grant_ends_at: cell.ends.grant,
            refused: self.is_refused(cell),
        })
    }
}
