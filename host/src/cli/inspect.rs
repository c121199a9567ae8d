//! A component, looked at without a host.

mod asks;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use serde::Serialize;
use wasmtime::component::Linker;

use self::asks::Asks;
pub(super) use self::asks::toml;
use super::limited::{self, Profile};
use super::remote::Asked;
use super::table::{json_line, plain};
use super::{USAGE, complain};
use crate::bindings::{connector, policy};
use crate::component_file::{self, Links, Refused};
use crate::digest::Digest;
use crate::output::print;
use crate::plugin::slot::Provenance;
use crate::plugin::{ActivationError, Asking, Compiled, Measure, PluginKind, PolicySlot, Trial, embedded};
use crate::sandbox::{self, Sandbox};
use crate::time::{Clock as _, SystemClock};

/// The interfaces that make a component a plugin, without their versions.
const EXPORTS: [(&str, &str); 2] =
    [("vehicle:connector/policy", "policy"), ("vehicle:connector/connector", "connector")];

/// Facts about a component that need no host.
#[derive(Debug, Serialize)]
pub(super) struct Inspection {
    file: PathBuf,
    size: usize,
    digest: String,
    /// Kinds of plugin that it can be loaded as.
    kinds: Vec<&'static str>,
    /// Whether it is a policy over another one, which the host supplies.
    is_layer: bool,
    name: Option<String>,
    version: Option<String>,
    imports: Vec<String>,
    exports: Vec<String>,
    /// Counts of what is limited; empty if it is not a component, or has too much.
    counts: BTreeMap<&'static str, u64>,
    signature: Option<PathBuf>,
    accepted: bool,
    /// Reason why it would not be accepted.
    reason: Option<String>,
    /// What a connector asks for; nothing of a policy.
    #[serde(flatten)]
    asks: Option<Asks>,
}

impl Inspection {
    /// Looks at a component: what its bytes tell first, which compiles nothing.
    async fn of(sandbox: &Sandbox, kind: PluginKind, file: &Path, component: &[u8], host: &Asked) -> Self {
        let signature = component_file::signature_beside(file);
        let mut inspection = Self {
            file: file.to_owned(),
            size: component.len(),
            digest: Digest::of(component).to_string(),
            kinds: Vec::new(),
            is_layer: false,
            name: None,
            version: None,
            imports: Vec::new(),
            exports: Vec::new(),
            counts: BTreeMap::new(),
            signature: signature.is_file().then_some(signature),
            accepted: false,
            reason: None,
            asks: None,
        };
        if let Ok(tally) = Compiled::measure(component) {
            inspection.counts = Measure::ALL.map(|what| (what.name(), tally.of(what))).into();
        }
        if let Ok(surface) = Compiled::surface(component) {
            let kinds = EXPORTS.iter().filter(|(interface, _)| surface.exports(interface));
            inspection.kinds = kinds.map(|(_, kind)| *kind).collect();
            inspection.is_layer = surface.layer().is_some();
            (inspection.imports, inspection.exports) = (surface.imports, surface.exports);
        }
        let compiled = match Compiled::of(sandbox, component).await {
            Ok(compiled) => compiled,
            Err(error) => {
                inspection.reason = Some(error.to_string());
                return inspection;
            }
        };
        let named = match accept(kind, sandbox, &compiled).await {
            Ok(Accepted::Policy(named)) => {
                inspection.accepted = true;
                Some(named)
            }
            Ok(Accepted::Connector(asking)) => {
                let (named, asks) = Asks::of(*asking, host);
                inspection.reason = asks.refused(&named.0);
                inspection.accepted = inspection.reason.is_none();
                inspection.asks = Some(asks);
                Some(named)
            }
            Err(error) => {
                inspection.reason = Some(error.to_string());
                // A refused component may still give its name.
                match describe(PluginKind::Policy, sandbox, &compiled).await {
                    None => describe(PluginKind::Connector, sandbox, &compiled).await,
                    named => named,
                }
            }
        };
        (inspection.name, inspection.version) = named.unzip();
        inspection
    }

    fn for_people(&self) -> String {
        let list = |names: &[String]| match names {
            [] => "nothing".to_owned(),
            names => names.iter().map(|name| plain(name)).collect::<Vec<_>>().join("\n           "),
        };
        let or_unknown = |text: &Option<String>| text.as_deref().map_or_else(|| "unknown".to_owned(), plain);
        let kinds = match self.kinds.as_slice() {
            [] => "no plugin".to_owned(),
            _ if self.is_layer => "policy, as a layer over that of the host".to_owned(),
            kinds => kinds.join(" and "),
        };
        let signature = match &self.signature {
            Some(file) => format!("{} (whether it is good only a host can tell)", file.display()),
            None => "none".to_owned(),
        };
        let counts = Measure::ALL.into_iter().filter_map(|what| {
            let count = self.counts.get(what.name())?;
            Some(format!("{} {count} of {}", what.name(), what.most()))
        });
        let counts: Vec<_> = counts.collect();
        let accepted = match &self.reason {
            None => "yes, as far as can be told without a host".to_owned(),
            Some(reason) => format!("no: {}", plain(reason)),
        };
        format!(
            "file       {}\nsize       {} bytes\ndigest     {}\nis         {kinds}\nname       {}\nversion    {}\n{}\
             imports    {}\nexports    {}\n\
             counts     {}\nsignature  {signature}\naccepted   {accepted}\n{}",
            self.file.display(),
            self.size,
            self.digest,
            or_unknown(&self.name),
            or_unknown(&self.version),
            self.asks.as_ref().map(Asks::about).unwrap_or_default(),
            list(&self.imports),
            list(&self.exports),
            list(&counts),
            self.asks.as_ref().map(|asks| asks.for_people(&self.file)).unwrap_or_default(),
        )
    }
}

/// Shows what there is to know of a file. Exit codes: 0 shown, 2 the file cannot be read.
pub(super) async fn show(kind: PluginKind, file: &Path, profile: Option<Profile>, host: &Asked) -> ExitCode {
    let inspection = match inspect(kind, file, profile, host).await {
        Ok(inspection) => inspection,
        Err(code) => return code,
    };
    if host.json {
        match json_line(&inspection) {
            Ok(text) => print(&text),
            Err(error) => complain(1, format_args!("{}: {error}", file.display())),
        }
    } else {
        print(&inspection.for_people())
    }
}

/// Reports whether a file would be accepted. Exit codes: 0 it would be, 1 it would not, 2 it cannot be read.
pub(super) async fn verify(
    kind: PluginKind,
    file: &Path,
    profile: Option<Profile>,
    host: &Asked,
) -> ExitCode {
    let inspection = match inspect(kind, file, profile, host).await {
        Ok(inspection) => inspection,
        Err(code) => return code,
    };
    if let Some(reason) = &inspection.reason {
        return complain(1, format_args!("{} would be refused: {}", file.display(), plain(reason)));
    }
    if host.json {
        return match json_line(&inspection) {
            Ok(text) => print(&text),
            Err(error) => complain(1, format_args!("{}: {error}", file.display())),
        };
    }
    let text = |text: &Option<String>| plain(text.as_deref().unwrap_or_default());
    print(&format!(
        "{}: {} {} ({}), {} bytes, would be taken; what a host is configured to ask for besides (pins, \
         signatures) was not looked at\n",
        file.display(),
        text(&inspection.name),
        text(&inspection.version),
        super::table::short(&inspection.digest),
        inspection.size,
    ))
}

/// Says what a component is that is no connector, if it is a policy.
pub(super) fn other_kind(compiled: &Compiled) -> &'static str {
    let exports = compiled.exports();
    let has = |(interface, _): &(&str, &str)| {
        exports.iter().any(|export| export.split('@').next() == Some(*interface))
    };
    let [policy, connector] = EXPORTS;
    if has(&policy) && !has(&connector) {
        "; it is a policy, which `vehicle-connector policy swap` takes, or [policy] file"
    } else {
        ""
    }
}

/// Returns the connector that the program carries under this name, unless a file has it.
fn carried(file: &Path) -> Option<&'static [u8]> {
    let named = |(name, _): &&(&str, &[u8])| file.as_os_str() == *name && !file.exists();
    embedded::CONNECTORS.iter().find(named).map(|(_, component)| *component)
}

fn read(file: &Path) -> Result<Vec<u8>, ExitCode> {
    if let Some(component) = carried(file) {
        return Ok(component.to_vec());
    }
    component_file::read_component(file, Links::Followed).map_err(|refused| {
        let code = if matches!(refused, Refused::TooLarge { .. }) { 1 } else { USAGE };
        let carried: Vec<&str> = embedded::CONNECTORS.iter().map(|(name, _)| *name).collect();
        let instead = if refused.is_absence() {
            format!(
                "; name a component (.wasm), or a connector that this program carries: {}",
                carried.join(", ")
            )
        } else {
            String::new()
        };
        complain(code, format_args!("{}: {refused}{instead}", file.display()))
    })
}

async fn inspect(
    kind: PluginKind,
    file: &Path,
    profile: Option<Profile>,
    host: &Asked,
) -> Result<Inspection, ExitCode> {
    let component = read(file)?;
    // Of a host that is named by its state the limits are not known here.
    let configuration = host.configuration().unwrap_or_default();
    let sandbox = limited::sandbox(&configuration, false, profile)?;
    Ok(Inspection::of(&sandbox, kind, file, &component, host).await)
}

/// A component that passed the checks that need no host.
enum Accepted {
    /// A policy, by name and version.
    Policy((String, String)),
    /// A connector, with what it asks for.
    Connector(Box<Asking>),
}

/// Checks a component as a host does before it loads it.
async fn accept(
    kind: PluginKind,
    sandbox: &Sandbox,
    compiled: &Compiled,
) -> Result<Accepted, ActivationError> {
    let provenance = Provenance::new(SystemClock::start().now(), "command line");
    match kind {
        PluginKind::Policy => {
            let slot = PolicySlot::alone(sandbox, compiled, provenance).await?;
            let candidate = slot.verify(compiled, Trial::Full).await?;
            Ok(Accepted::Policy((candidate.name, candidate.version)))
        }
        PluginKind::Connector => Ok(Accepted::Connector(Box::new(Asking::of(sandbox, compiled).await?))),
    }
}

/// Asks a component for its name and version, with every import a trap.
async fn describe(kind: PluginKind, sandbox: &Sandbox, compiled: &Compiled) -> Option<(String, String)> {
    let mut linker: Linker<sandbox::Cx<()>> = Linker::new(sandbox.engine());
    linker.define_unknown_imports_as_traps(compiled.component()).ok()?;
    let pre = linker.instantiate_pre(compiled.component()).ok()?;
    let budget = sandbox.policy_budget();
    let mut store = sandbox.store(budget, ());
    let described = sandbox::answer(budget, async {
        let instance = pre.instantiate_async(&mut store).await?;
        match kind {
            PluginKind::Policy => {
                let guest = policy::GuestIndices::new(&pre)?.load(&mut store, &instance)?;
                guest.call_describe(&mut store).await.map(|manifest| (manifest.name, manifest.version))
            }
            PluginKind::Connector => {
                let guest = connector::GuestIndices::new(&pre)?.load(&mut store, &instance)?;
                guest.call_describe(&mut store).await.map(|manifest| (manifest.name, manifest.version))
            }
        }
    });
    described.await.ok()
}
