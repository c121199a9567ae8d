//! `vehicle-connector connector install`: a stranger's connector, granted what its owner has read and agreed to.
//!
//! Nothing is half done. The component is beside the configuration before the configuration names it, the
//! configuration is replaced in one step, and an update leaves the component that the old configuration names.

mod place;

use std::io::{BufRead as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;

use self::place::Place;
use super::table::plain;
use super::{Configured, USAGE, asking, complain, inspect, limited};
use crate::component_file::{self, Contents, Links};
use crate::config::{self, Connector};
use crate::descriptor::{Configured as Given, Grant, excess};
use crate::digest::Digest;
use crate::output::{Output, Stopped};
use crate::plugin::{Asking, Compiled, embedded};

#[derive(Debug, Args)]
pub(super) struct Options {
    /// The connector; its signature, if any, is beside it as FILE.wasm.minisig.
    #[arg(value_name = "FILE.wasm")]
    file: PathBuf,
    #[command(flatten)]
    configured: Configured,
    /// Agree to what is shown without being asked.
    #[arg(long)]
    yes: bool,
}

/// What is to be done, once its owner has agreed.
struct Plan {
    /// What is shown before.
    shown: String,
    /// Grant that is written; none if what is granted already is enough.
    grant: Option<Grant>,
    /// Whether the configuration has the section.
    is_update: bool,
}

/// Reason why nothing was installed, with the program's exit code.
type NotDone = (u8, String);

/// Installs a connector. Exit codes: 0 installed, or nothing to do; 1 refused, or not agreed to; 2 a file
/// cannot be read.
pub(super) async fn run(options: Options) -> ExitCode {
    match install(&options).await {
        Ok(said) => crate::output::print(&said),
        Err((code, why)) => complain(code, format_args!("{}", why)),
    }
}

async fn install(options: &Options) -> Result<String, NotDone> {
    let file = options.file.display();
    let read = component_file::read(&options.file, Links::Followed);
    let contents = read.map_err(|refused| {
        let is_carried = embedded::CONNECTORS.iter().any(|(name, _)| options.file.as_os_str() == *name);
        let instead = match refused.is_absence() {
            true if is_carried => {
                "; the program carries this connector, and nothing is to be installed: name it in an \
                                   account, as connector = \"NAME\""
            }
            true => "; name a component (.wasm)",
            false => "",
        };
        (USAGE, format!("{file}: {refused}{instead}"))
    })?;
    let (asking, digest) = looked_at(&options.file, &contents, &options.configured.config).await?;
    let mut place = Place::of(&options.configured.config)?;
    let connector = config::connector_of(place.text(), place.path(), &asking.name)
        .map_err(|error| (USAGE, error.to_string()))?;
    let plan = plan(&asking, connector.as_ref(), place.path())?;
    show(&format!(
        "{} {} ({digest})\n{}\n\n{}",
        plain(&asking.name),
        plain(&asking.version),
        plain(&asking.description),
        plan.shown
    ))?;
    if !options.yes && !agreed()? {
        return Err((1, "nothing was installed".to_owned()));
    }
    let name = asking.name.as_str();
    let component = place.component(name, digest, &options.file);
    let block = match &plan.grant {
        Some(grant) => config::block(name, &component, digest, grant),
        None => config::block(name, &component, digest, &Grant::default()),
    };
    let text = if plan.is_update {
        config::updated(place.text(), &block).map_err(|why| by_hand(&place, name, &why, &block))?
    } else {
        config::appended(place.text(), &block)
    };
    check(&text, &place, &asking)?;
    place.keep(&component, &contents)?;
    place.replace(&text)?;
    Ok(done(&asking, &place, &component, plan.is_update))
}

/// Looks at the component as a host does, but for the trial, which needs an account.
async fn looked_at(
    file: &Path,
    contents: &Contents,
    configuration: &Path,
) -> Result<(Asking, Digest), NotDone> {
    let sandbox = limited::as_configured(configuration).map_err(|error| (1, format!("{error:#}")))?;
    let refused = |why: String| (1, format!("{} would be refused: {}", file.display(), plain(&why)));
    let compiled =
        Compiled::of(&sandbox, &contents.component).await.map_err(|error| refused(error.to_string()))?;
    let asking = Asking::of(&sandbox, &compiled)
        .await
        .map_err(|error| refused(format!("{error}{}", inspect::other_kind(&compiled))))?;
    if asking.wanted.endpoints.is_empty() {
        return Err(refused("it asks for no endpoints, so it could reach nothing".to_owned()));
    }
    Ok((asking, compiled.digest))
}

/// Decides what is shown and what is written.
fn plan(asking: &Asking, connector: Option<&Connector>, path: &Path) -> Result<Plan, NotDone> {
    let Some(connector) = connector else {
        let shown = asking::for_people(&asking.wanted);
        return Ok(Plan { shown, grant: Some(asking.wanted.clone()), is_update: false });
    };
    let is_update = connector.line.is_some();
    let granted = match connector.line {
        Some(line) => format!("{}:{line} grants", path.display()),
        None => "this program grants".to_owned(),
    };
    let more = excess(&asking.wanted, &connector.grant);
    if more.is_empty() {
        let shown = format!("It asks for nothing besides what {granted} it.\n");
        return Ok(Plan { shown, grant: None, is_update });
    }
    let refused = |why: String| (1, format!("{} cannot be granted that: {}", asking.name, plain(&why)));
    let grant = connector.grant.extended(&asking.wanted).map_err(refused)?;
    let shown = format!("Besides what {granted} it:\n{}", asking::more(&more));
    Ok(Plan { shown, grant: Some(grant), is_update })
}

fn show(text: &str) -> Result<(), NotDone> {
    Output::lock().write(text).map_err(|stopped| match stopped {
        Stopped::Closed => (1, "nothing was installed: nobody reads what it asks for".to_owned()),
        Stopped::Failed(error) => (1, format!("nothing was installed: {error}")),
    })
}

/// Asks whether that is granted.
fn agreed() -> Result<bool, NotDone> {
    show("\nGrant it that, and install it? [y/N] ")?;
    let _closed = std::io::stdout().flush();
    let mut answer = String::new();
    let read = std::io::stdin().lock().read_line(&mut answer);
    read.map_err(|error| {
        (1, format!("nothing was installed: no answer can be read: {error}; --yes agrees"))
    })?;
    Ok(matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes"))
}

/// Says what to do where the file cannot be changed as it must be.
fn by_hand(place: &Place, name: &str, why: &str, block: &str) -> NotDone {
    let path = place.path().display();
    (
        1,
        format!(
            "{path} is left as it is: {why}; nothing was installed. [connector.{name}] should have:\n\n{block}"
        ),
    )
}

/// Checks that the new text grants what the component asks for, before it is written.
fn check(text: &str, place: &Place, asking: &Asking) -> Result<(), NotDone> {
    let read = config::connector_of(text, place.path(), &asking.name);
    let why = match read {
        Ok(Some(connector)) => match excess(&asking.wanted, &connector.grant) {
            more if more.is_empty() => return Ok(()),
            more => asking::more(&more),
        },
        Ok(None) => "there would be no section".to_owned(),
        Err(error) => error.to_string(),
    };
    Err((1, format!("nothing was installed: what would be written is not what was agreed to: {why}")))
}

/// Says what was done, and what is left to do.
fn done(asking: &Asking, place: &Place, component: &str, is_update: bool) -> String {
    let (name, path) = (&asking.name, place.path().display());
    let mut said = format!("installed: {component} is beside {path}, which names it in [connector.{name}]\n");
    if is_update {
        said.push_str("A running host takes it with its next start.\n");
        return said;
    }
    said.push_str(&format!("An account of it begins like this:\n\n[account.NAME]\nconnector = \"{name}\"\n"));
    let grant = &asking.wanted;
    for (key, words) in [("region", grant.regions()), ("brand", grant.brands())] {
        let words: Vec<String> = words.into_iter().map(|word| format!("{word:?}")).collect();
        if let Some((first, others)) = words.split_first() {
            let or = if others.is_empty() { String::new() } else { format!(" # or {}", others.join(", ")) };
            said.push_str(&format!("{key} = {first}{or}\n"));
        }
    }
    for (secret, rule) in &grant.secrets {
        let key = secret.replace('-', "_");
        match rule.configured {
            Given::Required => said.push_str(&format!("{key}_file = \"/path/to/file\"\n")),
            Given::Optional => said.push_str(&format!("# {key}_file = \"/path/to/file\"\n")),
            Given::Never => {}
        }
    }
    said
}
