//! Walking through a component before it is compiled, to count its size and what it expands to.
//!
//! The compiler's work on a component is not bounded by its size: 2 KB can stand for a billion instances, and
//! a megabyte for more code than memory holds. All of that can be counted first, in little time and memory.
//!
//! # Layout
//!
//! `limits`: the measures and their limits. `plan`: reading the bytes. `unfold`: what becomes of them.

mod limits;
mod plan;
mod unfold;

pub use self::limits::{Measure, Tally, TooMuch};

/// Reason why a component is not even given to the compiler.
#[derive(Debug, thiserror::Error)]
pub(super) enum Objection {
    /// Too much of something.
    #[error(transparent)]
    TooMuch(#[from] TooMuch),
    /// An instantiated component that comes from outside and cannot be counted.
    #[error("it instantiates a component that it imports")]
    ForeignComponent,
    /// Unreadable bytes.
    #[error("{0}")]
    Malformed(#[from] wasmparser::BinaryReaderError),
    /// The walk did not come to an end.
    #[error("{0}")]
    Unreadable(String),
    /// A reference to an index that does not exist.
    #[error("it refers to a component or an instance that it does not have")]
    Index,
    /// A core module and not a component.
    #[error("it is a core module")]
    Module,
}

/// Counts what a component is and what it becomes. Takes time and memory by the bytes present, and not by
/// what they stand for.
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

/// The work of one component whenever it is instantiated.
#[derive(Default)]
struct Definition<'a> {
    /// Steps that change which components and instances there are, in order.
    steps: Vec<Step<'a>>,
    /// Number of its other items.
    items: u64,
    /// Number of times that it instantiates a core module.
    module_instances: u64,
    /// Components that it closes over, seen from where it is defined.
    captures: Vec<Outer>,
    /// Number of modules that it closes over.
    captured_modules: u64,
}

/// The sorts of index spaces that matter here.
#[derive(Clone, Copy)]
enum Sort {
    Component,
    Instance,
}

/// A component of an outer one: levels outward, and index.
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
    /// Returns the number of items that it is made of.
    fn size(&self) -> u64 {
        match self {
            Self::Bundle { named: items, others } | Self::Instantiate { arguments: items, others, .. } => {
                (items.len() as u64).saturating_add(*others).saturating_add(1)
            }
            _ => 1,
        }
    }
}
