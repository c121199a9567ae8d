//! The languages that plugins are written in.

use std::path::Path;

use clap::ValueEnum;

/// A language with a toolchain that makes components.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Language {
    /// On the kit, which the program carries.
    Rust,
    /// With componentize-py.
    Python,
    /// With componentize-qjs.
    #[value(name = "javascript", alias = "js")]
    JavaScript,
    /// With clang and lld.
    C,
}

/// The file that each language has its code in, or its manifest, and nothing else has.
const FILES: [(&str, Language); 5] = [
    ("Cargo.toml", Language::Rust),
    ("policy.py", Language::Python),
    ("connector.py", Language::Python),
    ("policy.js", Language::JavaScript),
    ("policy.c", Language::C),
];

impl Language {
    /// Returns the language of what is in a folder, with the file that shows it.
    pub(super) fn of(folder: &Path) -> Option<(Self, &'static str)> {
        let there = FILES.iter().find(|(file, _)| folder.join(file).is_file());
        there.map(|(file, language)| (*language, *file))
    }

    /// The files by which a language is told, for people.
    pub(super) fn files() -> String {
        FILES.map(|(file, _)| file).join(", ")
    }
}
