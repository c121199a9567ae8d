//! The command line.

mod account;
mod answers;
mod asking;
mod audit;
mod auth;
mod author;
mod backup;
mod bench;
mod check;
mod circuit;
mod connector;
mod discovery;
mod doctor;
mod dump;
mod everyday;
mod init;
mod inspect;
mod install;
mod limited;
mod logging;
mod logs;
mod manual;
mod plugins;
mod policy;
mod quota;
mod reload;
mod remote;
mod render;
mod replay;
mod rollout;
mod scores;
#[cfg(unix)]
mod service_manager;
#[cfg(not(unix))]
#[path = "cli/no_service_manager.rs"]
mod service_manager;
mod signals;
mod space;
mod table;
mod way;

pub use self::logging::OneLine;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use clap::{Args, Parser, Subcommand};

use self::service_manager::ServiceManager;
use crate::bridge::{Bridge, Connection};
#[cfg(feature = "demo")]
use crate::config::LogFormat;
use crate::config::{Config, Problem};
use crate::host::{Environment, Host};
use crate::output::Stopped;
use crate::sandbox::{self, Compiler, Sandbox};
use crate::store::{SqliteStore, Store};
use crate::time::SystemClock;
use crate::watching::Listener;

/// Exit code for wrong arguments or a wrong configuration.
const USAGE: u8 = 2;

/// The configuration file, unless another one is named.
const CONFIGURATION: &str = "vehicle-connector.toml";

/// Bridges vehicle clouds to MQTT and Home Assistant.
#[derive(Debug, Parser)]
#[command(version, arg_required_else_help = true, after_help = everyday::HELP)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Bridge the configured accounts until interrupted.
    Run(Configured),
    /// Ask for what is needed, and write a first configuration.
    Init(Box<init::InitOptions>),
    /// Read the configuration, say what is wrong with it, and start nothing.
    CheckConfig(Configured),
    #[command(flatten)]
    Everyday(everyday::Everyday),
    /// Look for what keeps a configuration from working: files, names, clocks, the broker, leftovers.
    ///
    /// Asks each cloud for its time with one plain request, without credentials, and the broker to carry one message
    /// that is not retained. Ends with 0 if all is well, 1 if something deserves a look, 2 if something does not work.
    Doctor(doctor::DoctorOptions),
    /// Show what somebody else needs to know to help, without what is private.
    Dump(dump::DumpOptions),
    /// Write the state, the configuration and the components into one file. The host may be running.
    Backup(backup::BackupOptions),
    /// Put the state of a backup in the place of the one that is there, which is kept. No host may be running.
    Restore(backup::RestoreOptions),
    /// Show the latest lines of a running host's log, or change its level.
    Logs(logs::LogsOptions),
    /// Show what the accounts of a running host have used up of their limits within a day.
    Quota(quota::QuotaOptions),
    /// Show what was decided when something failed, newest last. The host may be running.
    Audit(audit::Options),
    /// Look at policies, try them, and change the one that a running host decides by.
    #[command(subcommand)]
    Policy(policy::PolicyCommand),
    /// Look at connectors, install them, and change those that a running host speaks to clouds with.
    #[command(subcommand)]
    Connector(connector::ConnectorCommand),
    /// Look at the accounts of a running host, sign them in, have refused credentials tried once more.
    #[command(subcommand)]
    Account(account::AccountCommand),
    /// Sign accounts in and out, and answer what their vendors ask.
    #[command(subcommand)]
    Auth(auth::AuthCommand),
    /// Have a running host read its configuration again, and say what takes effect and what needs a restart.
    Reload(remote::Asked),
    /// Look at the circuits of a running host, open and close them.
    #[command(subcommand)]
    Circuit(circuit::CircuitCommand),
    /// Look at what a running host tells Home Assistant, publish it once more, or clear it.
    #[command(subcommand)]
    Discovery(discovery::DiscoveryCommand),
    /// Print what a shell reads to complete these commands.
    Completions(manual::CompletionOptions),
    /// Print the manual page, or write one for each command into a directory.
    Man(manual::ManOptions),
    /// Show the whole product at work on this machine: no account, broker or network needed.
    #[cfg(feature = "demo")]
    Demo {
        /// End by itself after so many seconds, but not before the story is told, which takes about six.
        #[arg(long, value_name = "N")]
        seconds: Option<u64>,
        /// Print one JSON object as the last line.
        #[arg(long)]
        json: bool,
    },
}

/// What the host starts to have a component compiled, under limits of its own. It is no command of a person's, so it is
/// none of [`Command`]: no help, completion or manual page has it.
#[cfg(unix)]
#[derive(Debug, Parser)]
struct Compile {
    #[command(flatten)]
    quota: sandbox::Quota,
}

#[cfg(unix)]
impl Compile {
    /// Returns what is wanted of this process, if it is that.
    fn wanted() -> Option<Result<Self, clap::Error>> {
        let mut arguments = std::env::args_os().skip(1);
        let is_it = arguments.next().is_some_and(|first| first == sandbox::COMPILE);
        is_it.then(|| Self::try_parse_from(std::iter::once(sandbox::COMPILE.into()).chain(arguments)))
    }
}

#[derive(Debug, Clone, Args)]
struct Configured {
    /// The configuration file.
    #[arg(short, long, value_name = "FILE", default_value = CONFIGURATION)]
    config: PathBuf,
}

/// Runs the program with the arguments of this process.
///
/// Exit codes: 0 all went well, 1 something failed, 2 the arguments or the configuration are wrong and
/// nothing was started. Those of everyday commands tell more; `--help` has them.
#[must_use]
pub fn main() -> ExitCode {
    let started = Instant::now();
    #[cfg(unix)]
    match Compile::wanted() {
        // Before there are threads: each of them takes address space, which is what is bounded.
        Some(Ok(Compile { quota })) => return sandbox::work(quota),
        Some(Err(shown)) => return say(&shown),
        None => {}
    }
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(shown) => return say(&shown),
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return complain(1, format_args!("the runtime does not start: {error}")),
    };
    let code = match cli.command {
        Command::Run(Configured { config }) => runtime.block_on(run(&config, started)),
        Command::CheckConfig(Configured { config }) => runtime.block_on(check::config(&config)),
        Command::Everyday(command) => runtime.block_on(everyday::run(&command)),
        Command::Init(options) => init::run(&options),
        Command::Doctor(options) => runtime.block_on(doctor::run(&options)),
        Command::Dump(options) => runtime.block_on(dump::run(&options)),
        Command::Backup(options) => backup::backup(&options),
        Command::Restore(options) => backup::restore(&options),
        Command::Logs(options) => runtime.block_on(logs::run(&options)),
        Command::Quota(options) => quota::run(&options),
        Command::Completions(options) => manual::completions(&options),
        Command::Man(options) => manual::man(&options),
        Command::Audit(options) => audit::show(&options),
        Command::Policy(command) => runtime.block_on(policy::run(command)),
        Command::Connector(command) => runtime.block_on(connector::run(command)),
        Command::Account(command) => runtime.block_on(account::run(&command)),
        Command::Auth(command) => runtime.block_on(auth::run(&command)),
        Command::Reload(host) => reload::run(&host),
        Command::Circuit(command) => circuit::run(&command),
        Command::Discovery(command) => discovery::run(&command),
        #[cfg(feature = "demo")]
        Command::Demo { seconds, json } => {
            // The broker logs an error for every client that leaves without a word, even for the look whether
            // it listens.
            let _log = logging::to_stderr_without("error", LogFormat::Text, Some("rumqttd"));
            match runtime.block_on(crate::demo::play(crate::demo::Options { seconds, json })) {
                Ok(true) => ExitCode::SUCCESS,
                Ok(false) => ExitCode::FAILURE,
                Err(error) => complain(1, format_args!("{error:#}")),
            }
        }
    };
    // What still blocks a thread (a component being compiled) does not keep the process.
    runtime.shutdown_background();
    code
}

/// Shows what the arguments ask for (help, the version) or what is wrong with them.
fn say(shown: &clap::Error) -> ExitCode {
    match shown.print().map_err(Stopped::of) {
        Err(stopped) if !shown.use_stderr() => stopped.code(),
        _ => ExitCode::from(u8::try_from(shown.exit_code()).unwrap_or(USAGE)),
    }
}

/// Returns the sandbox in which a command runs components: as a host does, compiled in a process of their
/// own.
fn sandbox() -> anyhow::Result<Sandbox> {
    let sandbox = Sandbox::new()?;
    Ok(sandbox.with_compiler(Compiler::in_child_of_this_program()?))
}

fn complain(code: u8, what: std::fmt::Arguments<'_>) -> ExitCode {
    use std::io::Write as _;
    let _closed = writeln!(std::io::stderr(), "vehicle-connector: {what}");
    ExitCode::from(code)
}

async fn run(path: &Path, started: Instant) -> ExitCode {
    let config = match Config::load(path) {
        Ok(config) => config,
        Err(error) => return complain(USAGE, format_args!("{error}")),
    };
    let log = logging::to_stderr(config.log.level.as_str(), config.log.format);
    for Problem { line, message } in &config.warnings {
        tracing::warn!("{}:{line}: {message}", path.display());
    }
    match bridge(&config, path, &log, started).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => complain(1, format_args!("{error:#}")),
    }
}

async fn bridge(config: &Config, path: &Path, log: &logging::Log, started: Instant) -> anyhow::Result<()> {
    // From here on, so that a hang-up does not end a host that is about to start.
    let mut signals = signals::Signals::listen()?;
    let listener = match &config.http {
        Some(http) => Some(Listener::open(http).await?),
        None => None,
    };
    let state = Arc::new(SqliteStore::open(&config.state_dir)?);
    let mut bridge = Bridge::connect(&config.mqtt)?;
    let environment = Environment::new(
        Arc::clone(&state) as Arc<dyn Store>,
        Arc::new(SystemClock::start()),
        bridge.publisher(),
    );
    let environment = environment
        .with_compiler(Compiler::in_child_of_this_program()?)
        .with_configuration(Arc::new(reload::File(path.to_owned())))
        .with_program_log(log.program_log());
    // Compiling may take minutes. A signal meanwhile ends the host as a crash would.
    let host = tokio::select! {
        host = Host::start(config, environment) => host?,
        stopped = signals.stop() => return Ok(stopped?),
    };
    if state.began_anew() {
        host.state_began_anew();
    }
    tracing::info!(ms = started.elapsed().as_millis(), "started, plugins compiled");
    let control = ControlSocket::open(&config.state_dir, &host);
    // Dropped at the end; a home serves without it too.
    let _folder = host.watch_folder().inspect_err(|error| tracing::error!("no folder is watched: {error}"));
    let watching = listener.map(|listener| listener.serve(&host));
    let finding = tokio::spawn({
        let host = Arc::clone(&host);
        async move { tokio::join!(host.settle_in(), host.tell_health()) }
    });
    let manager = Arc::new(ServiceManager::of_this_process(&config.mqtt));
    manager.started();
    let mut first = true;
    let connection = |now| {
        manager.connection(now);
        if matches!(now, Connection::Serving(_)) && std::mem::take(&mut first) {
            tracing::info!(ms = started.elapsed().as_millis(), "serving");
        }
    };
    let serving = bridge.serve(&host, connection);
    let served = Served { host: &host, state: &state, manager: &manager, control, finding };
    let ended = served.until_told_to_stop(serving, &mut signals).await?;
    host.last_words().await;
    host.offline();
    tokio::select! {
        () = bridge.close() => {}
        _again = signals.stop() => {}
    }
    // Last: until then it says that the host is stopping.
    if let Some(watching) = watching {
        watching.close().await;
    }
    ended
}

/// A host that is served to a broker.
struct Served<'h> {
    host: &'h Arc<Host>,
    state: &'h SqliteStore,
    manager: &'h Arc<ServiceManager>,
    control: ControlSocket,
    /// Work of the host's own: finding and reading vehicles, and telling how it is.
    finding: tokio::task::JoinHandle<((), ())>,
}

impl Served<'_> {
    /// Serves until a signal or a lost state directory ends that, and stops the host. Returns why it ended.
    ///
    /// # Errors
    ///
    /// When it is told to stop a second time; nothing is waited for then.
    async fn until_told_to_stop(
        self,
        serving: impl Future<Output = ()>,
        signals: &mut signals::Signals,
    ) -> anyhow::Result<anyhow::Result<()>> {
        let Self { host, state, manager, control, finding } = self;
        tokio::pin!(serving);
        let mut served = false;
        let ended: anyhow::Result<()> = tokio::select! {
            () = &mut serving => {
                served = true;
                Ok(())
            }
            never = manager.attend() => match never {},
            stopped = signals.stop_or(|| reload::by_signal(host, manager)) => stopped.map_err(Into::into),
            what = state.lost() => {
                host.state_lost(&what);
                Err(anyhow::anyhow!("{what}: nothing can be remembered any more, so the host ends; start it again"))
            }
        };
        if let Err(error) = &ended {
            tracing::error!("{error:#}");
        }
        tracing::info!("stopping");
        manager.stopping();
        finding.abort();
        // Commands that still arrive are answered, if only with `host_stopping`.
        tokio::select! {
            () = &mut serving, if !served => {}
            ((), ()) = async { tokio::join!(host.stop(), control.close()) } => {}
            _again = signals.stop() => anyhow::bail!("told to stop a second time; what was under way is left as it is"),
        }
        Ok(ended)
    }
}

/// The control socket, if there is one: the host serves without it too.
struct ControlSocket {
    #[cfg(unix)]
    open: Option<crate::control::Control>,
}

impl ControlSocket {
    #[cfg(unix)]
    fn open(directory: &Path, host: &Arc<Host>) -> Self {
        let open = crate::control::Control::open(directory, host);
        Self { open: open.inspect_err(|error| tracing::error!("there is no control socket: {error}")).ok() }
    }

    #[cfg(unix)]
    async fn close(self) {
        if let Some(control) = self.open {
            control.close().await;
        }
    }

    #[cfg(not(unix))]
    fn open(_directory: &Path, _host: &Arc<Host>) -> Self {
        tracing::info!("there is no control socket on this system; MQTT has the same requests");
        Self {}
    }

    #[cfg(not(unix))]
    async fn close(self) {}
}
