//! Names: what a text may be where Home Assistant shows it, and where it tells things apart by it.

use crate::digest::Digest;

/// Longest name of a device that is shown, in characters.
const LONGEST_SHOWN: usize = 48;

/// Longest beginning of an identifier, in bytes. It stands in every identifier of every entity.
const LONGEST_NODE: usize = 40;

/// Digits of a digest that tell two long base topics apart.
const TELLING: usize = 8;

/// Returns the beginning of all identifiers of a host: its base topic, of the characters that may stand in one. Two
/// hosts that share a broker differ in it.
#[must_use]
pub fn node(base_topic: &str) -> String {
    let node = identifier(base_topic);
    if node == base_topic && node.len() <= LONGEST_NODE {
        return node;
    }
    // Others have become alike by that.
    let digest = Digest::of(base_topic.as_bytes()).to_string();
    let digest = digest.get(..TELLING).unwrap_or_default();
    let beginning: String = node.chars().take(LONGEST_NODE - TELLING - 1).collect();
    format!("{beginning}_{digest}")
}

/// Replaces what may not stand in an identifier.
pub(super) fn identifier(text: &str) -> String {
    let allowed = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    text.chars().map(|c| if allowed(c) { c } else { '_' }).collect()
}

/// Returns a text in the form in which it stands in the id of an entity, as in `lock.ev6_lock`.
pub(super) fn in_entity_id(text: &str) -> String {
    identifier(text).to_ascii_lowercase().replace('-', "_")
}

/// Returns a name as it is shown: one short line. None if nothing of it is left.
pub(super) fn shown(text: &str) -> Option<String> {
    let breaks_out = |c: char| c.is_control() || is_invisible(c);
    let line: String = text.chars().map(|c| if breaks_out(c) { ' ' } else { c }).collect();
    let line = line.split_whitespace().collect::<Vec<_>>().join(" ");
    let short: String = line.chars().take(LONGEST_SHOWN).collect();
    let short = short.trim_end().to_owned();
    (!short.is_empty()).then_some(short)
}

/// Whether a character is not seen, or changes the direction in which others are read.
const fn is_invisible(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_that_share_a_broker_have_nodes_of_their_own() {
        assert_eq!(node("vehicle-connector"), "vehicle-connector");
        let alike = [node("home/vc"), node("home_vc"), node("home vc"), node("höme/vc")];
        let long = [node(&"x".repeat(200)), node(&"x".repeat(199))];
        let all: std::collections::BTreeSet<&String> = alike.iter().chain(&long).collect();
        assert_eq!(all.len(), 6, "{all:?}");
        for node in all {
            assert!(node.len() <= LONGEST_NODE && identifier(node) == *node, "{node}");
        }
    }

    #[test]
    fn whatever_a_car_is_called_is_one_short_line() {
        for (called, expected) in [
            ("My car", Some("My car")),
            ("  Otto\r\n\tthe\u{1b}[2K car ", Some("Otto the [2K car")),
            ("\u{202e}rac \u{200b}yM\u{feff}", Some("rac yM")),
            ("{{ states('lock.front_door') }}", Some("{{ states('lock.front_door') }}")),
            ("🚗 Zoé", Some("🚗 Zoé")),
            ("", None),
            ("\0\u{7}\u{200d}", None),
        ] {
            assert_eq!(shown(called).as_deref(), expected, "{called:?}");
        }
        assert_eq!(shown(&"é".repeat(10_000)).unwrap().chars().count(), LONGEST_SHOWN);
        assert_eq!(shown(&format!("{}x", " a".repeat(48))).unwrap().chars().count(), LONGEST_SHOWN - 1);
    }
}
