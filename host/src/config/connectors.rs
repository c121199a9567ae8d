//! The connectors that accounts can name: those that the program carries, and those of `[connector.NAME]`.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::form::Mistaken;
use super::reader::{Section, advice};
use super::sessions::Sessions;
use super::together::Together;
use super::{Plugins, grant, plugins, presets, takes};
use crate::descriptor::{Grant, Takes, is_name};
use crate::plugin::POLICY_SLOT;

/// A connector that accounts can name.
#[derive(Clone, Debug, PartialEq)]
pub struct Connector {
    /// What it may reach, know and do, whatever its component asks for.
    pub grant: Arc<Grant>,
    /// Values that its commands take.
    pub takes: Arc<Takes>,
    /// What people take for its secrets, by the names of those.
    pub(super) mistaken: Arc<BTreeMap<String, Vec<Mistaken>>>,
    /// Days that its configured tokens live at most, where nothing renews them.
    pub(super) token_days: Arc<BTreeMap<String, u32>>,
    /// Kinds of sessions that it keeps.
    pub(super) sessions: Arc<Sessions>,
    /// Secrets that are of use together.
    pub(super) together: Arc<Vec<Together>>,
    /// Lines that its keys have, by the names of those.
    pub(super) lines: Arc<BTreeMap<String, u32>>,
    /// Other names, with the brand that each implies.
    pub(super) aliases: BTreeMap<String, String>,
    /// Region of an account that names none; none if it has to, unless there is only one.
    pub default_region: Option<String>,
    /// Whether the program carries it.
    pub is_carried: bool,
    /// Line of its section; none if the configuration has none.
    pub line: Option<usize>,
}

/// A connector as an account names it.
pub(super) struct Named<'c> {
    /// Proper name of the connector.
    pub(super) name: &'c str,
    pub(super) connector: &'c Connector,
    /// Brand that the name implies.
    pub(super) brand: Option<&'c str>,
}

/// Reads the tables `[connector.NAME]`. The connectors that the program carries are there without one.
pub(super) fn read(root: &mut Section<'_, '_>, plugins: &mut Plugins) -> BTreeMap<String, Connector> {
    let carried = |preset: &presets::Preset| Connector {
        grant: Arc::clone(&preset.grant),
        takes: Arc::clone(&preset.takes),
        mistaken: Arc::clone(&preset.mistaken),
        token_days: Arc::clone(&preset.token_days),
        sessions: Arc::clone(&preset.sessions),
        together: Arc::clone(&preset.together),
        lines: Arc::clone(&preset.lines),
        aliases: preset.aliases.clone(),
        default_region: preset.default_region.clone(),
        is_carried: true,
        line: None,
    };
    let mut all: BTreeMap<String, Connector> =
        presets::all().iter().map(|(name, preset)| (name.clone(), carried(preset))).collect();
    let Some(sections) = root.section("connector") else { return all };
    for (name, entry) in sections.entries() {
        let key = entry.key.clone();
        if let Some(why) = cannot_be_called(name, &all) {
            sections.complain(&key, why);
        } else if let Some(section) = entry.section() {
            let line = section.reader.problem(&key, String::new()).line;
            let connector = connector(section, name, all.remove(name), plugins);
            all.insert(name.to_owned(), Connector { line: Some(line), ..connector });
        }
    }
    all
}

/// Returns why no connector can have this name.
fn cannot_be_called(name: &str, known: &BTreeMap<String, Connector>) -> Option<String> {
    if !is_name(name) {
        return Some(format!("{name:?} cannot be a connector's name; use 1 to 64 of a-z, 0-9 and \"-\""));
    }
    if name == POLICY_SLOT {
        return Some(format!("a connector cannot be called {name:?}: that is the policy's name; rename it"));
    }
    let proper = known.iter().find(|(_, connector)| connector.aliases.contains_key(name))?.0;
    Some(format!("{name:?} is another name for {proper:?} in accounts; write [connector.{proper}]"))
}

/// Reads one table. What it grants takes the place of the built-in grant.
fn connector(
    mut section: Section<'_, '_>,
    name: &str,
    carried: Option<Connector>,
    plugins: &mut Plugins,
) -> Connector {
    let is_granted = grant::is_there(&mut section);
    let granted = grant::read(&mut section);
    let has_takes = section.entry(takes::KEY).is_some();
    let known = carried.as_ref().map(|carried| Arc::clone(&carried.takes)).unwrap_or_default();
    let takes = Arc::new(takes::read(&mut section, Takes::clone(&known)));
    let has_file = section.entry("file").is_some();
    plugins::connector_file(&mut section, name, plugins);
    let (shown, span) = (section.name.clone(), section.span.clone());
    let is_carried = carried.is_some();
    if is_carried && !is_granted && !has_takes && !has_file && section.entry("sha256").is_none() {
        let message = format!("[{shown}] is empty; add file = \"FILE.wasm\", sha256 = \"…\", or a grant");
        section.complain(&span, message);
    }
    if !is_carried && !has_file {
        let message = format!(
            "file is missing in [{shown}], and this program carries no connector of that name; add file = \
             \"{name}.wasm\"{}",
            meant(name)
        );
        section.complain(&span, message);
    }
    if (is_granted || !is_carried) && granted.endpoints.is_empty() {
        let message = format!(
            "[{shown}] grants no endpoints, so the connector could reach nothing; `vehicle-connector connector \
             inspect --toml FILE.wasm` prints what it asks for"
        );
        section.complain(&span, message);
    }
    section.finish();
    match carried {
        Some(carried) if !is_granted => Connector { takes, ..carried },
        carried => Connector {
            grant: Arc::new(granted),
            takes,
            token_days: carried.as_ref().map(|carried| Arc::clone(&carried.token_days)).unwrap_or_default(),
            sessions: carried.as_ref().map(|carried| Arc::clone(&carried.sessions)).unwrap_or_default(),
            together: carried.as_ref().map(|carried| Arc::clone(&carried.together)).unwrap_or_default(),
            lines: carried.as_ref().map(|carried| Arc::clone(&carried.lines)).unwrap_or_default(),
            mistaken: carried.as_ref().map(|carried| Arc::clone(&carried.mistaken)).unwrap_or_default(),
            default_region: carried.as_ref().and_then(|carried| carried.default_region.clone()),
            aliases: carried.map(|carried| carried.aliases).unwrap_or_default(),
            is_carried,
            line: None,
        },
    }
}

/// Returns the connector that was probably meant.
fn meant(name: &str) -> String {
    let known: Vec<&str> = presets::all().keys().map(String::as_str).collect();
    let advice = advice(name, &known);
    if advice.starts_with("did") { format!("; {advice}") } else { String::new() }
}

/// Looks a connector up by its name or an alias.
pub(super) fn named<'c>(all: &'c BTreeMap<String, Connector>, wanted: &str) -> Option<Named<'c>> {
    all.iter().find_map(|(name, connector)| {
        let named = |brand| Named { name, connector, brand };
        if name == wanted {
            return Some(named(None));
        }
        connector.aliases.get(wanted).map(|brand| named(Some(brand)))
    })
}

/// All names that [`named`] knows.
pub(super) fn names(all: &BTreeMap<String, Connector>) -> Vec<&str> {
    all.iter()
        .flat_map(|(name, connector)| std::iter::once(name).chain(connector.aliases.keys()))
        .map(String::as_str)
        .collect()
}
