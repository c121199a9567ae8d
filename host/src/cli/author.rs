//! `policy new`, `policy build` and the same of connectors: an author's way to a component.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;

use super::remote::pasted;
use super::{USAGE, complain};
use crate::authoring::{Beginning, Built, Kind, Language, begin, build};
use crate::descriptor::is_name;
use crate::output::print;
use crate::plugin::PluginKind;

/// What a folder is to begin with.
#[derive(Debug, Args)]
pub(super) struct New {
    /// The folder, which is made; the plugin is named after it.
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// What it is written in.
    #[arg(long, value_enum, value_name = "LANGUAGE")]
    lang: Language,
    /// The name of the plugin, if it is not that of the folder.
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// A kit for Rust that several plugins share: guest/sdk of a copy of this project, or that copy. Without it the folder
    /// has the kit that the program carries.
    #[arg(long, value_name = "DIR")]
    kit: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(super) struct NewPolicy {
    #[command(flatten)]
    new: New,
    /// A layer: it answers what it knows, and the policy of the host the rest.
    #[arg(long)]
    layer: bool,
}

/// A folder to build.
#[derive(Debug, Args)]
pub(super) struct Build {
    /// The folder with the sources.
    #[arg(value_name = "DIR", default_value = ".")]
    folder: PathBuf,
    /// The component; without it a file in the folder.
    #[arg(short, long, value_name = "FILE.wasm")]
    out: Option<PathBuf>,
}

/// Begins a policy.
pub(super) fn new_policy(options: &NewPolicy) -> ExitCode {
    new(&options.new, if options.layer { Kind::Layer } else { Kind::Policy })
}

/// Begins a connector.
pub(super) fn new_connector(options: &New) -> ExitCode {
    new(options, Kind::Connector)
}

/// Writes a folder to begin with. Exit codes: 0 written, 1 a file could not be written, 2 the arguments are wrong.
fn new(options: &New, kind: Kind) -> ExitCode {
    let New { folder, lang, name, kit } = options;
    let named_after = || folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let name = name.clone().unwrap_or_else(named_after);
    if !is_name(&name) {
        return complain(
            USAGE,
            format_args!(
                "{name:?} is no name of a plugin; give it one with --name: 1 to 64 of a-z, 0-9 and \"-\""
            ),
        );
    }
    let beginning = Beginning { folder, kind, language: *lang, name: &name, kit: kit.as_deref() };
    let files = match begin(&beginning) {
        Ok(begun) => begun,
        Err(error) => return complain(1, format_args!("{error}")),
    };
    let verb = if kind == Kind::Connector { "connector" } else { "policy" };
    print(&format!(
        "{}: {}\nnext: vehicle-connector {verb} build {}\n",
        folder.display(),
        files.join(", "),
        pasted(folder)
    ))
}

/// Builds a plugin. Exit codes: 0 built, 1 not, for the reason that is said.
pub(super) fn built(kind: PluginKind, options: &Build) -> ExitCode {
    match build(&options.folder, options.out.as_deref()) {
        Ok(Built { file, size, language, toolchain }) => print(&format!(
            "{}: {size} bytes\nbuilt with {toolchain}\n{}",
            file.display(),
            next(kind, &file, language)
        )),
        Err(error) => complain(1, format_args!("{error}")),
    }
}

/// Says what to do with a component.
fn next(kind: PluginKind, file: &Path, language: Language) -> String {
    let limits = match (kind, language) {
        (PluginKind::Policy, Language::Python) => " --limits large",
        _ => "",
    };
    format!("next: vehicle-connector {kind} inspect {}{limits}\n", pasted(file))
}
