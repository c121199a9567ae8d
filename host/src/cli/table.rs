//! Text in columns, for terminals.

use std::fmt::Write as _;

use jiff::Timestamp;
use serde::Serialize;

use crate::redact;

/// Rows below a head, each column as wide as its widest cell.
pub(super) struct Table<const COLUMNS: usize> {
    rows: Vec<[String; COLUMNS]>,
}

impl<const COLUMNS: usize> Table<COLUMNS> {
    pub fn new(head: [&str; COLUMNS]) -> Self {
        Self { rows: vec![head.map(str::to_owned)] }
    }

    pub fn row(&mut self, row: [String; COLUMNS]) {
        self.rows.push(row.map(|cell| plain(&cell)));
    }
}

impl<const COLUMNS: usize> std::fmt::Display for Table<COLUMNS> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut widths = [0; COLUMNS];
        for row in &self.rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(cell.chars().count());
            }
        }
        for row in &self.rows {
            let mut line = String::new();
            for (width, cell) in widths.iter().zip(row) {
                write!(line, "{cell:width$}  ")?;
            }
            writeln!(f, "{}", line.trim_end())?;
        }
        Ok(())
    }
}

/// Returns text in one line, and without what would make a terminal do something: names and reasons come from
/// plugins and from clouds.
pub(super) fn plain(text: &str) -> String {
    redact::one_line(text).into_owned()
}

/// Formats a line of JSON for programs, which people look at in a terminal all the same. The JSON stays the
/// same; what a terminal could obey is written as an escape (RFC 8259 §7).
///
/// # Errors
///
/// When it has no form in JSON.
pub(super) fn json_line(value: &impl Serialize) -> serde_json::Result<String> {
    let text = serde_json::to_string(value)?;
    let mut line = String::with_capacity(text.len() + 1);
    for char in text.chars() {
        // Outside of strings JSON has nothing of the kind.
        if redact::breaks_out(char) {
            for unit in char.encode_utf16(&mut [0; 2]) {
                let _infallible = write!(line, "\\u{unit:04x}");
            }
        } else {
            line.push(char)
        }
    }
    line.push('\n');
    Ok(line)
}

/// The beginning of a digest: enough to tell two apart.
pub(super) fn short(digest: &str) -> String {
    plain(digest.get(..12).unwrap_or(digest))
}

/// A moment to the second.
pub(super) fn moment(text: &str) -> String {
    text.parse::<Timestamp>().map_or_else(|_| plain(text), |at| format!("{at:.0}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell_and_lines_end_where_they_end() {
        let mut table = Table::new(["SLOT", "N"]);
        table.row(["policy of everything".into(), "7".into()]);
        table.row(["ü".into(), String::new()]);
        assert_eq!(table.to_string(), "SLOT                  N\npolicy of everything  7\nü\n");
    }

    #[test]
    fn nothing_that_is_shown_makes_a_terminal_do_something() {
        assert_eq!(plain("a\u{1b}[2J\nb\u{9b}c\u{202e}"), "a\\u{1b}[2J\\nb\\u{9b}c\\u{202e}");
        let hostile = "é\u{1b}[2J\n\u{9b}\u{7f}\u{202e}";
        let line = json_line(&[hostile]).unwrap();
        assert_eq!(line, "[\"é\\u001b[2J\\n\\u009b\\u007f\\u202e\"]\n");
        assert_eq!(serde_json::from_str::<[String; 1]>(&line).unwrap(), [hostile]);
    }

    #[test]
    fn moments_are_shown_to_the_second() {
        assert_eq!(moment("2026-11-24T23:50:58.123456Z"), "2026-11-24T23:50:58Z");
        assert_eq!(moment("yesterday"), "yesterday");
    }
}
