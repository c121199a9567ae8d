//! The tables `[policy]`, `[connector.NAME]` and `[plugins]`: which components run, and who vouches for them.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};

use super::reader::{Entry, Section, advice};
use super::{access, presets};
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
    /// Pins and signatures.
    pub trust: Trust,
}

pub(super) fn read(root: &mut Section<'_, '_>) -> Plugins {
    let mut plugins = Plugins::default();
    if let Some(section) = root.section("policy") {
        component(section, POLICY_SLOT, &mut plugins);
    }
    if let Some(connectors) = root.section("connector") {
        let names = presets::proper_names();
        for (name, entry) in connectors.entries() {
            if !names.contains(&name) {
                let message = format!("there is no connector {name:?}; {}", advice(name, &names));
                connectors.complain(&entry.key, message);
            } else if let Some(section) = entry.section() {
                component(section, name, &mut plugins);
            }
        }
    }
    if let Some(section) = root.section("plugins") {
        general(section, &mut plugins);
    }
    plugins
}

/// Reads the configuration of one slot.
fn component(mut section: Section<'_, '_>, slot: &str, plugins: &mut Plugins) {
    let file = section.text("file").and_then(|file| {
        let path = section.reader.resolve(file.value);
        match looked_at(&path) {
            Ok(digest) => {
                if let Some(open) = access::too_open(&path, false) {
                    section.reader.warn(&file.span, format!("{}: {open}", file.name));
                }
                Some((path, digest))
            }
            Err(why) => {
                section.complain(&file.span, format!("{}: {}: {why}", file.name, path.display()));
                None
            }
        }
    });
    if section.entry("file").is_none() && section.entry("sha256").is_none() {
        let name = &section.name;
        let message = format!("[{name}] is empty; add file = \"FILE.wasm\", sha256 = \"…\", or both");
        section.complain(&section.span, message);
    }
    let pin = section.text("sha256").and_then(|text| {
        let digest = Digest::parse(text.value);
        if digest.is_none() {
            let message = format!("{}: write 64 hexadecimal digits, as sha256sum prints them", text.name);
            section.complain(&text.span, message);
        }
        if let (Some(pinned), Some((path, digest))) = (digest, &file)
            && pinned != *digest
        {
            let (name, shown) = (&text.name, path.display());
            section
                .complain(&text.span, format!("{name}: {shown} has sha256 {digest}; correct one of the two"));
        }
        digest
    });
    plugins.files.extend(file.map(|(path, _)| (slot.to_owned(), path)));
    plugins.trust.pins.extend(pin.map(|pin| (slot.to_owned(), pin)));
    section.finish();
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
