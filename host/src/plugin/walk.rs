//! Looking a component through before it is compiled: how much it is, and how much it becomes.
//!
//! What the compiler does with a component is not bounded by its size: 2 KB can stand for a billion instances, and a
//! megabyte for more code than memory holds. All of that can be counted first, in little time and memory.
//!
//! # Layout
//!
//! `limits`: what is counted, and the most of it. `plan`: reading the bytes. `unfold`: what becomes of them.

mod limits;
mod plan;
mod unfold;

pub use self::limits::{Measure, Tally, TooMuch};

/// Why a component is not even given to the compiler.
#[derive(Debug, thiserror::Error)]
pub(super) enum Objection {
    /// There is too much of something.
    #[error(transparent)]
    TooMuch(#[from] TooMuch),
    /// What it instantiates comes from outside, so that nobody can count it.
    #[error("it instantiates a component that it imports")]
    ForeignComponent,
    /// It cannot be read.
    #[error("{0}")]
    Malformed(#[from] wasmparser::BinaryReaderError),
    /// Looking through it did not come to an end.
    #[error("{0}")]
    Unreadable(String),
    /// It refers to what is not there.
    #[error("it refers to a component or an instance that it does not have")]
    Index,
    /// It is the other thing that WebAssembly has.
    #[error("it is a core module")]
    Module,
}

/// Counts what a component is and what it becomes. Takes time and memory by the bytes that there are, and not by what
/// they stand for.
pub(super) fn walk(component: &[u8]) -> Result<Tally, Objection> {
    let mut tally = Tally::default();
    let plan = plan::read(component, &mut tally)?;
    unfold::unfold(&plan, &mut tally)?;
    Ok(tally)
}

/// The components of a file; the first one is the whole.
struct Plan<'a> {
    definitions: Vec<Definition<'a>>,
}

/// What one component does whenever it is instantiated.
#[derive(Default)]
struct Definition<'a> {
    /// What changes which components and instances there are, in order.
    steps: Vec<Step<'a>>,
    /// How much else it does.
    items: u64,
    /// How often it instantiates a core module.
    module_instances: u64,
    /// The components that it closes over, seen from where it is defined.
    captures: Vec<Outer>,
    /// How many modules it closes over.
    captured_modules: u64,
}

/// What has an index space that matters here.
#[derive(Clone, Copy)]
enum Sort {
    Component,
    Instance,
}

/// A component of an outer one: how far out, and which.
#[derive(Clone, Copy)]
struct Outer {
    count: u32,
    index: u32,
}

enum Step<'a> {
    Define(usize),
    Outer(Outer),
    Import { name: &'a str, sort: Sort },
    Alias { instance: u32, name: &'a str, sort: Sort },
    Export { name: &'a str, sort: Sort, index: u32 },
    ExportOther,
    Bundle { named: Vec<(&'a str, Sort, u32)>, others: u64 },
    Instantiate { component: u32, arguments: Vec<(&'a str, Sort, u32)>, others: u64 },
}

impl Step<'_> {
    /// How many items it is made of.
    fn size(&self) -> u64 {
        match self {
            Self::Bundle { named: items, others } | Self::Instantiate { arguments: items, others, .. } => {
                (items.len() as u64).saturating_add(*others).saturating_add(1)
            }
            _ => 1,
        }
    }
}
