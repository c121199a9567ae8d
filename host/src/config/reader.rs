//! Reading tables of TOML so that every mistake is found with its line, and nothing is read silently.

use std::cell::RefCell;
use std::ops::{Range, RangeInclusive};
use std::path::{Path, PathBuf};

use serde_json::Value;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::error::Problem;

/// Context of reading besides the tables: their origin, and where complaints go.
pub(super) struct Reader<'r> {
    path: &'r Path,
    text: &'r str,
    environment: &'r dyn Fn(&str) -> Option<String>,
    problems: RefCell<Vec<Problem>>,
    warnings: RefCell<Vec<Problem>>,
}

impl<'r> Reader<'r> {
    pub(super) fn new(
        path: &'r Path,
        text: &'r str,
        environment: &'r dyn Fn(&str) -> Option<String>,
    ) -> Self {
        Self { path, text, environment, problems: RefCell::default(), warnings: RefCell::default() }
    }

    /// Records a problem at a place in the text.
    pub(super) fn complain(&self, at: &Range<usize>, message: impl Into<String>) {
        self.problems.borrow_mut().push(self.problem(at, message.into()));
    }

    /// Records a setting that is possible, and hardly meant.
    pub(super) fn warn(&self, at: &Range<usize>, message: impl Into<String>) {
        self.warnings.borrow_mut().push(self.problem(at, message.into()));
    }

    /// A problem at a place in the text.
    pub(super) fn problem(&self, at: &Range<usize>, message: String) -> Problem {
        let before = self.text.as_bytes().iter().take(at.start);
        Problem { line: 1 + before.filter(|&&byte| byte == b'\n').count(), message }
    }

    /// Returns the problems and the warnings, each in the order of the lines.
    pub(super) fn into_problems(self) -> (Vec<Problem>, Vec<Problem>) {
        let in_order = |mut problems: Vec<Problem>| {
            problems.sort();
            problems.dedup();
            problems
        };
        (in_order(self.problems.into_inner()), in_order(self.warnings.into_inner()))
    }

    pub(super) fn environment(&self, variable: &str) -> Option<String> {
        (self.environment)(variable)
    }

    /// Resolves a path from the configuration; a relative one starts at the directory of the configuration
    /// file.
    pub(super) fn resolve(&self, path: &str) -> PathBuf {
        match self.path.parent() {
            Some(directory) => directory.join(path),
            None => PathBuf::from(path),
        }
    }

    pub(super) fn path(&self) -> &Path {
        self.path
    }
}

/// A table that is being read. Every key that is asked for is known; [`Section::finish`] complains about the
/// others.
pub(super) struct Section<'d, 'r> {
    pub(super) reader: &'d Reader<'r>,
    /// Name as in the file, without brackets; empty for the whole file.
    pub(super) name: String,
    /// Position of the table.
    pub(super) span: Range<usize>,
    table: &'d DeTable<'d>,
    known: Vec<String>,
}

/// A key and its value.
pub(super) struct Entry<'d, 'r> {
    pub(super) reader: &'d Reader<'r>,
    /// Name with the names of the tables around it, as in `mqtt.url`.
    pub(super) name: String,
    /// Position of the key.
    pub(super) key: Range<usize>,
    value: &'d Spanned<DeValue<'d>>,
}

impl<'d, 'r> Section<'d, 'r> {
    /// The section of the whole file.
    pub(super) fn root(reader: &'d Reader<'r>, table: &'d DeTable<'d>) -> Self {
        Self { reader, name: String::new(), span: 0..0, table, known: Vec::new() }
    }

    /// The value of a key, which is known from here on.
    pub(super) fn entry(&mut self, key: &str) -> Option<Entry<'d, 'r>> {
        if !self.known.iter().any(|known| known == key) {
            self.known.push(key.to_owned());
        }
        let (key, value) = self.table.get_key_value(key)?;
        Some(self.named(key, value))
    }

    /// All entries, whatever their keys: for tables whose keys are names.
    pub(super) fn entries(&self) -> impl Iterator<Item = (&'d str, Entry<'d, 'r>)> {
        self.table.iter().map(|(key, value)| (key.get_ref().as_ref(), self.named(key, value)))
    }

    fn named(
        &self,
        key: &'d Spanned<toml::de::DeString<'d>>,
        value: &'d Spanned<DeValue<'d>>,
    ) -> Entry<'d, 'r> {
        Entry { reader: self.reader, name: self.within(key.get_ref()), key: key.span(), value }
    }

    pub(super) fn text(&mut self, key: &str) -> Option<Text<'d>> {
        self.entry(key)?.text()
    }

    pub(super) fn integer(&mut self, key: &str) -> Option<(i64, Range<usize>)> {
        let entry = self.entry(key)?;
        let parsed = match entry.value.get_ref() {
            DeValue::Integer(integer) => i64::from_str_radix(integer.as_str(), integer.radix()).ok(),
            _ => None,
        };
        if parsed.is_none() {
            entry.expected("a whole number without quotes");
        }
        parsed.map(|number| (number, entry.value.span()))
    }

    /// Reads a number, whole or not.
    pub(super) fn decimal(&mut self, key: &str) -> Option<f64> {
        let entry = self.entry(key)?;
        let parsed: Option<f64> = match entry.value.get_ref() {
            DeValue::Integer(integer) => integer.as_str().parse().ok(),
            DeValue::Float(float) => float.as_str().parse().ok(),
            _ => None,
        };
        let parsed = parsed.filter(|number| number.is_finite());
        if parsed.is_none() {
            entry.expected("a number without quotes");
        }
        parsed
    }

    /// Reads a whole number within a range; complains about any other.
    pub(super) fn number(&mut self, key: &str, range: RangeInclusive<u32>) -> Option<u32> {
        let (number, at) = self.integer(key)?;
        let within = u32::try_from(number).ok().filter(|number| range.contains(number));
        if within.is_none() {
            let (name, least, most) = (self.within(key), range.start(), range.end());
            self.complain(&at, format!("{name}: {number} is out of range; write {least} to {most}"));
        }
        within
    }

    /// Reads a number within a range, with or without decimals; complains about any other.
    pub(super) fn decimal_within(&mut self, key: &str, range: RangeInclusive<f64>) -> Option<f64> {
        let number = self.decimal(key)?;
        if !range.contains(&number) {
            let (name, least, most) = (self.within(key), range.start(), range.end());
            let at = self.entry(key)?.value.span();
            self.complain(&at, format!("{name}: {number} is out of range; write {least} to {most}"));
            return None;
        }
        Some(number)
    }

    pub(super) fn section(&mut self, key: &str) -> Option<Section<'d, 'r>> {
        self.entry(key)?.section()
    }

    /// Reads one of a few words; complains about any other and takes the first.
    pub(super) fn choice<T: Copy>(&mut self, key: &str, choices: &[(&str, T)]) -> Option<T> {
        let text = self.text(key)?;
        let chosen = choices.iter().find(|(word, _)| *word == text.value);
        if chosen.is_none() {
            let words: Vec<_> = choices.iter().map(|(word, _)| *word).collect();
            self.complain(
                &text.span,
                format!("{}: {:?} is unknown; {}", self.within(key), text.value, advice(text.value, &words)),
            );
        }
        chosen.map(|(_, choice)| *choice)
    }

    pub(super) fn complain(&self, at: &Range<usize>, message: impl Into<String>) {
        self.reader.complain(at, message);
    }

    /// The name of a key with the tables around it.
    pub(super) fn within(&self, key: &str) -> String {
        if self.name.is_empty() { key.to_owned() } else { format!("{}.{key}", self.name) }
    }

    /// Complains about every key that was not asked for.
    pub(super) fn finish(self) {
        for (key, value) in self.table {
            let name = key.get_ref().as_ref();
            if self.known.iter().any(|known| known == name) {
                continue;
            }
            let known: Vec<&str> = self.known.iter().map(String::as_str).collect();
            let message = if !self.name.is_empty() {
                format!("unknown key {name:?} in [{}]; {}", self.name, advice(name, &known))
            } else if value.get_ref().is_table() || value.get_ref().is_array() {
                let tables: Vec<_> = known.iter().map(|known| format!("[{known}]")).collect();
                match nearest(name, &known) {
                    Some(near) => format!("unknown table [{name}]; did you mean [{near}]?"),
                    None => format!("unknown table [{name}]; there are {}", tables.join(", ")),
                }
            } else {
                format!(
                    "key {name:?} stands outside of any table; put it below its table, for instance [mqtt]"
                )
            };
            self.complain(&key.span(), message);
        }
    }
}

/// Text and its position.
pub(super) struct Text<'d> {
    pub(super) value: &'d str,
    pub(super) span: Range<usize>,
    /// The full name of its key.
    pub(super) name: String,
}

impl<'d, 'r> Entry<'d, 'r> {
    pub(super) fn text(self) -> Option<Text<'d>> {
        let Some(value) = self.value.get_ref().as_str() else {
            self.expected("text in quotes");
            return None;
        };
        Some(Text { value, span: self.value.span(), name: self.name })
    }

    /// Whether this is text, for a value that may be text or something else.
    pub(super) fn is_text(&self) -> bool {
        self.value.get_ref().is_str()
    }

    /// Reads `true` or `false`.
    pub(super) fn truth(self) -> Option<bool> {
        let truth = self.value.get_ref().as_bool();
        if truth.is_none() {
            self.expected("true or false, without quotes");
        }
        truth
    }

    /// Reads a list of texts.
    pub(super) fn texts(self) -> Option<Vec<Text<'d>>> {
        let Some(array) = self.value.get_ref().as_array() else {
            self.expected("a list of texts, like [\"refresh\", \"lock\"]");
            return None;
        };
        let entry =
            |value| Self { reader: self.reader, name: self.name.clone(), key: self.key.clone(), value };
        array.iter().map(|value| entry(value).text()).collect()
    }

    pub(super) fn section(self) -> Option<Section<'d, 'r>> {
        let Some(table) = self.value.get_ref().as_table() else {
            self.expected("a table");
            return None;
        };
        Some(Section { reader: self.reader, name: self.name, span: self.key, table, known: Vec::new() })
    }

    /// Reads a list of tables.
    pub(super) fn sections(self) -> Option<Vec<Section<'d, 'r>>> {
        let Some(array) = self.value.get_ref().as_array() else {
            self.expected("a list of tables, like [{ code = \"7501\" }]");
            return None;
        };
        let entry = |value: &'d Spanned<DeValue<'d>>| Self {
            reader: self.reader,
            name: self.name.clone(),
            key: value.span(),
            value,
        };
        array.iter().map(|value| entry(value).section()).collect()
    }

    /// Reads the text of a value that may also be a number or a truth value.
    pub(super) fn plain(self) -> Option<String> {
        match self.value.get_ref() {
            DeValue::String(text) => Some(text.to_string()),
            DeValue::Integer(integer) => Some(integer.to_string()),
            DeValue::Boolean(boolean) => Some(boolean.to_string()),
            _ => {
                self.expected("text, a whole number, true or false");
                None
            }
        }
    }

    /// Reads a text, a whole number or a truth value as such.
    pub(super) fn scalar(self) -> Option<Value> {
        match self.value.get_ref() {
            DeValue::String(text) => Some(Value::from(text.as_ref())),
            DeValue::Integer(integer) => {
                i64::from_str_radix(integer.as_str(), integer.radix()).ok().map(Value::from)
            }
            DeValue::Boolean(truth) => Some(Value::from(*truth)),
            _ => None,
        }
        .or_else(|| {
            self.expected("text, a whole number, true or false");
            None
        })
    }

    fn expected(&self, expected: &str) {
        let found = self.value.get_ref().type_str();
        let article = if found.starts_with(['a', 'i']) { "an" } else { "a" };
        self.reader.complain(
            &self.value.span(),
            format!("{}: found {article} {found}; write {expected}", self.name),
        );
    }
}

/// Returns a suggestion, or the list of the known words.
pub(super) fn advice(wrong: &str, known: &[&str]) -> String {
    match nearest(wrong, known) {
        Some(near) => format!("did you mean {near:?}?"),
        None => format!("known: {}", known.join(", ")),
    }
}

/// Returns the known word that was most likely meant.
pub(super) fn nearest<'k>(wrong: &str, known: &[&'k str]) -> Option<&'k str> {
    let distance = |word: &str| strsim::damerau_levenshtein(wrong, word);
    let near = known.iter().min_by_key(|word| distance(word))?;
    // Up to a third of the letters may be wrong; more than that is another word.
    (distance(near) <= near.chars().count().max(3) / 3).then_some(near)
}
