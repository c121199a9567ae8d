//! The limits under which a command runs a component without a host.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, ValueEnum};

use super::{CONFIGURATION, USAGE, complain};
use crate::config::{Limits, limits_of};
use crate::sandbox::{Budget, Sandbox};

/// A named budget of a policy, as `[limits] policy` has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Profile {
    /// What a policy has unless the configuration says otherwise.
    Default,
    /// For a policy that brings an interpreter with it, such as one from Python.
    Large,
}

impl Profile {
    const fn budget(self) -> Budget {
        match self {
            Self::Default => Budget::POLICY,
            Self::Large => Budget::LARGE_POLICY,
        }
    }
}

/// Where the limits come from.
#[derive(Debug, Clone, Args)]
pub(super) struct Limited {
    /// The configuration whose [limits] hold; without it vehicle-connector.toml, if that is here.
    #[arg(short, long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The limits of the policy, in place of those of a configuration.
    #[arg(long, value_enum, value_name = "PROFILE", conflicts_with = "config")]
    limits: Option<Profile>,
}

impl Limited {
    /// Returns the sandbox with these limits; or, having said why, the program's exit code.
    pub(super) fn sandbox(&self) -> Result<Sandbox, ExitCode> {
        let named = self.config.as_deref();
        sandbox(named.unwrap_or(Path::new(CONFIGURATION)), named.is_some(), self.limits)
    }
}

/// Returns the sandbox with the limits of a configuration, which need not be there unless a person has named it, or of
/// a profile; or, having said why, the program's exit code.
pub(super) fn sandbox(
    configuration: &Path,
    is_named: bool,
    profile: Option<Profile>,
) -> Result<Sandbox, ExitCode> {
    let limits = match profile {
        Some(profile) => Limits { policy: profile.budget(), ..Limits::default() },
        None if is_named || configuration.exists() => {
            limits_of(configuration).map_err(|error| complain(USAGE, format_args!("{error}")))?
        }
        None => Limits::default(),
    };
    let sandbox = super::sandbox().map_err(|error| complain(1, format_args!("{error:#}")))?;
    Ok(sandbox.with_budgets(limits.policy, limits.connector))
}

/// Returns the sandbox with the limits of a configuration, as far as they can be read: for commands that say elsewhere
/// what is wrong with a configuration, or need none.
pub(super) fn as_configured(configuration: &Path) -> anyhow::Result<Sandbox> {
    let limits = limits_of(configuration).unwrap_or_default();
    Ok(super::sandbox()?.with_budgets(limits.policy, limits.connector))
}
