//! The way to a host for everyday commands: the one that runs, by its control socket; or one of this program's
//! own, without a broker, for as long as the command takes.
//!
//! Two hosts never work on one state: the own one takes the lock of the state directory, or waits for it.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use secrecy::zeroize::Zeroizing;
use serde_json::Value;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::remote::Located;
use super::{complain, logging};
use crate::config::{Config, LogFormat};
use crate::host::{Environment, Host};
#[cfg(unix)]
use crate::redact::wipe;
use crate::sandbox::Compiler;
use crate::store::{DirectoryError, Kind, OpenError, SqliteStore, Store};
use crate::time::SystemClock;
use crate::wire::publish::Discard;

/// Longest time in which a state directory in use is waited for: a host that starts compiles its plugins before it
/// can be asked.
const BUSY: Duration = Duration::from_secs(60);

/// Pause between two looks at a state directory in use. A lock of another process says nothing when it is free.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// Name of this program, as a host that it starts for itself puts it on record.
const BY: &str = "command line";

/// A way to a host.
pub(super) enum Way {
    /// The one that runs, on this state directory.
    Running(PathBuf),
    /// One of this program's own.
    Own(Own),
}

/// A host of this program's own.
pub(super) struct Own {
    host: Arc<Host>,
    store: Arc<SqliteStore>,
    _log: logging::Log,
}

/// Reason why a host has not answered as it was wanted to.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unanswered {
    /// It said no, and why.
    #[error("{0}")]
    Refused(String),
    /// It was not reached, so nothing was asked.
    #[error("{0}")]
    NotReached(String),
    /// It was asked, and has not answered. What was asked for may have been done.
    #[error("{0}")]
    NoAnswer(String),
}

impl Way {
    /// Finds the way: asks the host that runs, else takes its place for a moment. Says why there is none, and returns
    /// the program's exit code.
    pub(super) async fn find(located: &Located) -> Result<Self, ExitCode> {
        let (directory, config) = located.find()?;
        let until = Instant::now() + BUSY;
        let mut looks = tokio::time::interval(LOOK_AGAIN);
        let mut told = false;
        loop {
            looks.tick().await;
            if is_served(&directory)? {
                return Ok(Self::Running(directory));
            }
            let Some(config) = &config else {
                return Err(complain(1, format_args!("{}", located.nobody())));
            };
            match SqliteStore::open(&directory) {
                Ok(store) => return Own::start(config, store).await.map(Self::Own),
                Err(OpenError::Directory(in_use @ DirectoryError::InUse { .. }))
                    if Instant::now() < until =>
                {
                    if !std::mem::replace(&mut told, true) {
                        let _told = complain(0, format_args!("waiting, since {in_use}"));
                    }
                }
                Err(error) => return Err(complain(1, format_args!("{error}"))),
            }
        }
    }

    /// The way to the host that runs, if one does.
    pub(super) fn running(directory: &Path) -> anyhow::Result<Option<Self>> {
        Ok(is_running(directory)?.then(|| Self::Running(directory.to_owned())))
    }

    /// Whether the host is one of this program's own, which ends with it.
    pub(super) const fn is_own(&self) -> bool {
        matches!(self, Self::Own(_))
    }

    /// Asks the host. What it tells meanwhile of how far it is goes into `steps`.
    pub(super) async fn ask(
        &self,
        verb: &'static str,
        payload: &Value,
        steps: mpsc::Sender<Value>,
    ) -> Result<Value, Unanswered> {
        match self {
            Self::Running(directory) => ask_running(directory.clone(), verb, payload.clone(), steps).await,
            Self::Own(own) => own.ask(verb, payload, &steps).await,
        }
    }

    /// Asks the host for what it has at once.
    pub(super) async fn ask_at_once(&self, verb: &'static str, payload: &Value) -> Result<Value, Unanswered> {
        let (steps, _nobody_listens) = mpsc::channel(1);
        self.ask(verb, payload, steps).await
    }

    /// Ends a host of this program's own: what is under way has a moment, and what the cloud has taken is left to the
    /// next host.
    pub(super) async fn leave(&self) {
        if let Self::Own(own) = self {
            own.host.stop().await;
            // Changes are made in their order: once this is answered, all that were not waited for are made.
            drop(own.store.load(Kind::Known, "").await);
        }
    }
}

impl Own {
    async fn start(config: &Config, store: SqliteStore) -> Result<Self, ExitCode> {
        // What a command comes to is said by its result; what else a host logs is the business of one that stays.
        let log = logging::to_stderr("error", LogFormat::Text);
        let store = Arc::new(store);
        let environment = Environment::new(
            Arc::clone(&store) as Arc<dyn Store>,
            Arc::new(SystemClock::start()),
            Arc::new(Discard),
        );
        let compiler = Compiler::in_child_of_this_program();
        let compiler = compiler.map_err(|error| complain(1, format_args!("{error}")))?;
        let host = Host::start_briefly(config, environment.with_compiler(compiler)).await;
        let host = host.map_err(|error| complain(1, format_args!("{error:#}")))?;
        Ok(Self { host, store, _log: log })
    }

    async fn ask(
        &self,
        verb: &str,
        payload: &Value,
        steps: &mpsc::Sender<Value>,
    ) -> Result<Value, Unanswered> {
        let payload = Zeroizing::new(payload.to_string());
        let mut answer = self.host.request_in_steps(verb, payload.as_bytes(), BY, steps).await;
        match answer.get("error").and_then(Value::as_str) {
            Some(error) => Err(Unanswered::Refused(error.to_owned())),
            None => Ok(answer.get_mut("data").map(Value::take).unwrap_or_default()),
        }
    }
}

fn is_served(directory: &Path) -> Result<bool, ExitCode> {
    is_running(directory).map_err(|error| complain(1, format_args!("{error}")))
}

#[cfg(unix)]
fn is_running(directory: &Path) -> anyhow::Result<bool> {
    Ok(crate::control::is_served(directory)?)
}

#[cfg(not(unix))]
#[expect(clippy::unnecessary_wraps, reason = "elsewhere it can fail")]
fn is_running(_directory: &Path) -> anyhow::Result<bool> {
    Ok(false)
}

#[cfg(unix)]
async fn ask_running(
    directory: PathBuf,
    verb: &'static str,
    mut payload: Value,
    steps: mpsc::Sender<Value>,
) -> Result<Value, Unanswered> {
    use crate::control::{AskError, ask_in_steps};
    let asking = move || {
        let answer = ask_in_steps(&directory, verb, &payload, |step| drop(steps.try_send(step)));
        wipe(&mut payload);
        answer
    };
    match tokio::task::spawn_blocking(asking).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(AskError::Refused(why))) => Err(Unanswered::Refused(why)),
        Ok(Err(error @ AskError::NoAnswer { .. })) => Err(Unanswered::NoAnswer(error.to_string())),
        Ok(Err(error @ AskError::NotUnderstood { .. })) => Err(Unanswered::NoAnswer(error.to_string())),
        Ok(Err(error)) => Err(Unanswered::NotReached(error.to_string())),
        Err(error) => Err(Unanswered::NoAnswer(error.to_string())),
    }
}

#[cfg(not(unix))]
async fn ask_running(
    _directory: PathBuf,
    verb: &'static str,
    _payload: Value,
    _steps: mpsc::Sender<Value>,
) -> Result<Value, Unanswered> {
    Err(Unanswered::NotReached(format!("{verb}: there is no control socket on this system")))
}
