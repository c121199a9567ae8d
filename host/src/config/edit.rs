//! Changes of a configuration file by the program, for which people have asked: a connector that is installed.
//!
//! The file is its owner's. What is new is appended to it byte for byte as it is; of a section that is there
//! already only the values that differ are replaced, and every other byte stays.

use std::path::Path;

use toml::de::DeTable;
use toml_edit::{DocumentMut, Item, TableLike};

use super::reader::{Reader, Section};
use super::{ConfigError, Connector, Plugins, complain_of_syntax, connectors};

/// Reads what a configuration says of one connector, whatever is wrong with the rest of it: the accounts of a
/// connector may be there before it is. None if neither the configuration nor the program has it.
///
/// # Errors
///
/// When it is no TOML, or something is wrong in a section `[connector.NAME]`.
pub fn connector_of(text: &str, path: &Path, name: &str) -> Result<Option<Connector>, ConfigError> {
    let reader = Reader::new(path, text, &|_| None);
    let mut plugins = Plugins::default();
    let mut all = match DeTable::parse(text) {
        Ok(table) => connectors::read(&mut Section::root(&reader, table.get_ref()), &mut plugins),
        Err(error) => {
            complain_of_syntax(&reader, text, &error);
            Default::default()
        }
    };
    let (problems, _) = reader.into_problems();
    if problems.is_empty() {
        Ok(all.remove(name))
    } else {
        Err(ConfigError::Invalid { path: path.to_owned(), problems })
    }
}

/// Returns the line of the last of these keys that is there, one below the other; none if not even the first is.
#[must_use]
pub fn line_of(text: &str, keys: &[&str]) -> Option<usize> {
    let parsed = DeTable::parse(text).ok()?;
    let (mut table, mut at) = (parsed.get_ref(), None);
    for key in keys {
        let Some((name, value)) = table.get_key_value(*key) else { break };
        at = Some(name.span().start);
        let Some(below) = value.get_ref().as_table() else { break };
        table = below;
    }
    let before = text.as_bytes().iter().take(at?);
    Some(1 + before.filter(|&&byte| byte == b'\n').count())
}

/// Returns a configuration with one more section.
#[must_use]
pub fn appended(text: &str, block: &str) -> String {
    let between = match text {
        "" => "",
        text if text.ends_with('\n') => "\n",
        _ => "\n\n",
    };
    format!("{text}{between}{block}")
}

/// Returns a configuration in which the section of a connector has what a block has; values that the section
/// has besides stay.
///
/// # Errors
///
/// When that is not possible without changing more than the section's values.
pub fn updated(text: &str, block: &str) -> Result<String, String> {
    let parse = |text: &str| text.parse::<DocumentMut>().map_err(|error| error.message().to_owned());
    let (mut document, block) = (parse(text)?, parse(block)?);
    if document.to_string() != text {
        return Err("its line ends would be changed".to_owned());
    }
    merge(document.as_table_mut(), block.as_table());
    Ok(document.to_string())
}

/// Puts the values of one table into another, table by table.
fn merge(into: &mut dyn TableLike, from: &dyn TableLike) {
    for (key, new) in from.iter() {
        match into.get_mut(key) {
            None => drop(into.insert(key, plain(new.clone()))),
            Some(old) if is_same(old, new) => {}
            Some(old) => match (old.as_table_like().is_some(), new.as_table_like()) {
                (true, Some(new)) => {
                    if let Some(old) = old.as_table_like_mut() {
                        merge(old, new);
                    }
                }
                _ => replace(old, new),
            },
        }
    }
}

/// Replaces a value, and leaves what stands around it.
fn replace(old: &mut Item, new: &Item) {
    match (old.as_value_mut(), new.as_value()) {
        (Some(old), Some(new)) => {
            let around = old.decor().clone();
            *old = new.clone();
            *old.decor_mut() = around;
        }
        _ => *old = new.clone(),
    }
}

/// A new item without its place in the block that it comes from, so that it stands at the end of its table.
fn plain(mut item: Item) -> Item {
    if let Some(table) = item.as_table_mut() {
        table.set_position(None);
        let keys: Vec<String> = table.iter().map(|(key, _)| key.to_owned()).collect();
        for key in keys {
            if let Some(inner) = table.get_mut(&key) {
                *inner = plain(std::mem::take(inner));
            }
        }
    }
    item
}

/// Whether two items have the same value, however they are written.
fn is_same(one: &Item, other: &Item) -> bool {
    let value = |item: &Item| {
        let text = format!("value = {}", item.as_value()?.to_string().trim());
        text.parse::<toml::Table>().ok()
    };
    value(one).is_some_and(|one| value(other) == Some(one))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::block;
    use crate::descriptor::Grant;
    use crate::digest::Digest;

    const FILE: &str = "# my car\n[mqtt]\nurl = \"mqtt://x\" # the broker\n\n[connector.acme] # installed in May\n\
        file   = 'acme.wasm'\n# the pin\nsha256 = \"0000000000000000000000000000000000000000000000000000000000000000\" # !\n\
        [connector.acme.endpoints]\napi = \"https://api.example\"   # the only one\n\
        [connector.acme.secrets]\npw = { class = \"password\", configured = \"required\", endpoints = [ \"api\" ] } # mine\n\n\
        [log]\nlevel = \"info\"\n";

    fn grant_of(text: &str) -> Grant {
        connector_of(text, Path::new("car.toml"), "acme").unwrap().unwrap().grant.as_ref().clone()
    }

    #[test]
    fn a_new_section_leaves_every_byte_before_it() {
        for before in ["", "[mqtt]", "[mqtt]\r\nurl = 'x'\r\n# no line end"] {
            let after = appended(before, "[connector.acme]\nfile = \"x\"\n");
            assert!(
                after.starts_with(before) && after.ends_with("[connector.acme]\nfile = \"x\"\n"),
                "{after}"
            );
            assert!(before.is_empty() || after[before.len()..].starts_with('\n'), "{after}");
        }
    }

    #[test]
    fn of_a_section_only_what_differs_is_replaced() {
        let mut grant = grant_of(FILE);
        let digest = Digest::of(b"new");
        let new = updated(FILE, &block("acme", "acme.wasm", digest, &grant)).unwrap();
        let expected = FILE.replace(&"0".repeat(64), &digest.to_string());
        assert_eq!(new, expected, "nothing but the pin");
        let service =
            crate::descriptor::Service { region: Some("eu".into()), brand: None, name: "idp".into() };
        grant.add_endpoint(service, "https://idp.example").unwrap();
        grant.secrets.get_mut("pw").unwrap().endpoints.insert("idp".to_owned());
        grant.add_setting("units", Default::default()).unwrap();
        let new = updated(FILE, &block("acme", "acme-2.wasm", digest, &grant)).unwrap();
        assert_eq!(grant_of(&new), grant, "{new}");
        for kept in [
            "# my car",
            "# the broker",
            "[connector.acme] # installed in May",
            "# the pin",
            " # !\n",
            "# the only one",
            " # mine",
        ] {
            assert!(new.contains(kept), "{kept}: {new}");
        }
        assert!(new.ends_with("[log]\nlevel = \"info\"\n"), "{new}");
        assert!(new.contains("pw = { class = \"password\", configured = \"required\", endpoints = [\"api\", \"idp\"] } # mine"), "{new}");
    }

    #[test]
    fn what_would_be_changed_besides_is_left_to_people() {
        let block = block("acme", "acme.wasm", Digest::of(b""), &grant_of(FILE));
        match updated(&FILE.replace('\n', "\r\n"), &block) {
            // Either it is refused, or every line end is still there.
            Err(why) => assert!(why.contains("line ends"), "{why}"),
            Ok(new) => assert!(new.starts_with("# my car\r\n[mqtt]\r\n"), "{new:?}"),
        }
        assert!(updated("[connector", &block).is_err());
    }
}
