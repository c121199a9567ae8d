//! The tables `[policy]`, `[connector.NAME]` and `[plugins]`: which components run, and who vouches for them.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};

use super::access;
use super::error::Problem;
use super::reader::{Entry, Section};
use crate::component_file::{self, Links};
use crate::digest::Digest;
use crate::plugin::POLICY_SLOT;
use crate::plugin::trust::{PublicKey, Trust};

/// Sources of components besides the program itself, and the components that may be loaded.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plugins {
    /// The component that the configuration names for a slot, by the slot's name.
    pub files: BTreeMap<String, PathBuf>,
    /// The folder that is watched for components.
    pub folder: Option<PathBuf>,
    /// What becomes of a component that is moved into that folder.
    pub install: Install,
    /// Pins and signatures.
    pub trust: Trust,
    /// Files of connectors that cannot be used, by the slot's name. They keep the accounts of that connector
    /// from being bridged, and no others.
    pub unusable: BTreeMap<String, Problem>,
}

/// What becomes of a component that is moved into the watched folder.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Install {
    /// It takes its slot.
    #[default]
    AtOnce,
    /// It is on offer until somebody wants it.
    WhenAsked,
}

/// Reads everything but the connectors.
pub(super) fn read(root: &mut Section<'_, '_>) -> Plugins {
    let mut plugins = Plugins::default();
    if let Some(section) = root.section("policy") {
        policy(section, &mut plugins);
    }
    if let Some(section) = root.section("plugins") {
        general(section, &mut plugins);
    }
    plugins
}

/// Reads the policy's file and pin.
fn policy(mut section: Section<'_, '_>, plugins: &mut Plugins) {
    if let Err((at, message)) = component(&mut section, POLICY_SLOT, plugins) {
        section.complain(&at, message);
    }
    if section.entry("file").is_none() && section.entry("sha256").is_none() {
        let name = &section.name;
        let message = format!("[{name}] is empty; add file = \"FILE.wasm\", sha256 = \"…\", or both");
        section.complain(&section.span, message);
    }
    section.finish();
}

/// Reads a connector's file and pin. A file that cannot be used is no mistake of the whole configuration: the
/// accounts of other connectors can do without it.
pub(super) fn connector_file(section: &mut Section<'_, '_>, slot: &str, plugins: &mut Plugins) {
    if let Err((at, message)) = component(section, slot, plugins) {
        plugins.unusable.insert(slot.to_owned(), section.reader.problem(&at, message));
    }
}

/// Reads the file and the pin of one slot; the error is about a file that cannot be used.
fn component(
    section: &mut Section<'_, '_>,
    slot: &str,
    plugins: &mut Plugins,
) -> Result<(), (Range<usize>, String)> {
    let file = section.text("file").map(|file| (section.reader.resolve(file.value), file));
    let pin = section.text("sha256").and_then(|text| {
        let digest = Digest::parse(text.value);
        if digest.is_none() {
            let message = format!("{}: write 64 hexadecimal digits, as sha256sum prints them", text.name);
            section.complain(&text.span, message);
        }
        Some((digest?, text))
    });
    plugins.files.extend(file.iter().map(|(path, _)| (slot.to_owned(), path.clone())));
    plugins.trust.pins.extend(pin.iter().map(|(pin, _)| (slot.to_owned(), *pin)));
    let Some((path, file)) = file else { return Ok(()) };
    let shown = path.display();
    let digest =
        looked_at(&path).map_err(|why| (file.span.clone(), format!("{}: {shown}: {why}", file.name)))?;
    if let Some(open) = access::too_open(&path, false) {
        section.reader.warn(&file.span, format!("{}: {open}", file.name));
    }
    match pin {
        Some((pinned, text)) if pinned != digest => {
            let name = &text.name;
            Err((text.span, format!("{name}: {shown} has sha256 {digest}; correct one of the two")))
        }
        _ => Ok(()),
    }
}

/// Returns the digest of a file that may be a component. Loading it will show whether it is a good one.
fn looked_at(path: &Path) -> Result<Digest, String> {
    let bytes = match component_file::read_component(path, Links::Followed) {
        Ok(bytes) => bytes,
        Err(absent) if absent.is_absence() => return Err("no such file; name a component (.wasm)".to_owned()),
        Err(refused) => return Err(format!("{refused}; name a component (.wasm)")),
    };
    match bytes.as_slice() {
        [0, b'a', b's', b'm', _, _, 1, 0, ..] => Ok(Digest::of(&bytes)),
        [0, b'a', b's', b'm', ..] => {
            Err("this is a WebAssembly module and no component; build a component".to_owned())
        }
        _ => Err("this is no WebAssembly; name a component (.wasm)".to_owned()),
    }
}

fn general(mut section: Section<'_, '_>, plugins: &mut Plugins) {
    plugins.folder = section.text("dir").and_then(|dir| {
        let path = section.reader.resolve(dir.value);
        if !path.is_dir() {
            let (name, shown) = (&dir.name, path.display());
            section
                .complain(&dir.span, format!("{name}: {shown}: no such directory; make it, or name another"));
            return None;
        }
        if let Some(open) = access::too_open(&path, false) {
            section.reader.warn(&dir.span, format!("{}: {open}", dir.name));
        }
        Some(path)
    });
    let install = [("at-once", Install::AtOnce), ("when-asked", Install::WhenAsked)];
    plugins.install = section.choice("install", &install).unwrap_or_default();
    let required = section.entry("require_signature").map(|entry| (entry.key.clone(), entry.truth()));
    plugins.trust.require_signature = required.as_ref().is_some_and(|(_, required)| *required == Some(true));
    plugins.trust.keys = section.entry("public_keys").map(keys).unwrap_or_default();
    if let (Some((at, _)), true) =
        (required, plugins.trust.require_signature && plugins.trust.keys.is_empty())
    {
        nobody_to_trust(&section, &at);
    }
    section.finish();
}

fn nobody_to_trust(section: &Section<'_, '_>, at: &Range<usize>) {
    let message = "require_signature needs public_keys = [\"RW…\"]; without a key nothing could be loaded";
    section.complain(at, message);
}

fn keys(entry: Entry<'_, '_>) -> Vec<PublicKey> {
    let reader = entry.reader;
    let mut keys = Vec::new();
    for text in entry.texts().unwrap_or_default() {
        match PublicKey::parse(text.value.trim()) {
            Ok(key) => keys.push(key),
            Err(why) => reader.complain(
                &text.span,
                format!("{}: no minisign public key ({why}); write the line that begins with RW", text.name),
            ),
        }
    }
    keys
}
