//! Limits on a component, in one table.

use std::fmt;

/// A count taken of a component before it is compiled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Measure {
    /// Components and modules that are instantiated, each as often as that happens.
    Instances,
    /// Actions of its components when they are instantiated (imports, aliases, lowered functions, arguments,
    /// exports), each as often as that happens, with what has to be copied for it.
    Items,
    /// Depth to which its components lie within one another, or instantiate one another.
    Depth,
    /// Core modules in the file.
    Modules,
    /// Functions in the file.
    Functions,
    /// Size of the largest function, in bytes.
    LargestFunction,
    /// Local variables of all functions.
    Locals,
    /// Elements that its tables begin with.
    TableElements,
    /// Types, imports, exports, globals, tables, memories and segments.
    Declarations,
}

impl Measure {
    /// All measures.
    pub const ALL: [Self; 9] = [
        Self::Instances,
        Self::Items,
        Self::Depth,
        Self::Modules,
        Self::Functions,
        Self::LargestFunction,
        Self::Locals,
        Self::TableElements,
        Self::Declarations,
    ];

    /// Greatest count that is compiled. `docs/plugins.md` lists the counts of real components.
    #[must_use]
    pub const fn most(self) -> u64 {
        match self {
            Self::Instances => 1_000,
            Self::Items | Self::Functions => 100_000,
            Self::Depth => 50,
            Self::Modules => 200,
            Self::LargestFunction => 1_000_000,
            Self::Locals => 5_000_000,
            Self::TableElements => 1_000_000,
            Self::Declarations => 500_000,
        }
    }

    /// Name of the measure, for programs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Instances => "instances",
            Self::Items => "items",
            Self::Depth => "depth",
            Self::Modules => "modules",
            Self::Functions => "functions",
            Self::LargestFunction => "largest-function",
            Self::Locals => "locals",
            Self::TableElements => "table-elements",
            Self::Declarations => "declarations",
        }
    }

    /// Words before and after the number.
    const fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Instances => ("it instantiates", "components and modules"),
            Self::Items => ("instantiating it takes", "steps"),
            Self::Depth => ("its components nest", "deep"),
            Self::Modules => ("it has", "core modules"),
            Self::Functions => ("it has", "functions"),
            Self::LargestFunction => ("one function of it has", "bytes"),
            Self::Locals => ("its functions have", "local variables"),
            Self::TableElements => ("its tables begin with", "elements"),
            Self::Declarations => ("its modules declare", "types, imports, exports, globals and segments"),
        }
    }
}

/// A component has more of something than is compiled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub struct TooMuch {
    /// Measure that is exceeded.
    pub what: Measure,
    /// Count in the component; none if counting ended at the limit.
    pub found: Option<u64>,
}

impl fmt::Display for TooMuch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ((before, after), most) = (self.what.words(), Grouped(self.what.most()));
        match self.found {
            // Counting ends at the limit.
            None => write!(f, "{before} more than {most} {after}; {most} are allowed"),
            Some(u64::MAX) => {
                write!(f, "{before} more than {} {after}; {most} are allowed", Grouped(u64::MAX))
            }
            Some(found) => write!(f, "{before} {} {after}; {most} are allowed", Grouped(found)),
        }
    }
}

/// A number with a comma between every three digits.
struct Grouped(u64);

impl fmt::Display for Grouped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = self.0.to_string();
        for (place, digit) in digits.chars().enumerate() {
            if place > 0 && (digits.len() - place).is_multiple_of(3) {
                f.write_str(",")?;
            }
            write!(f, "{digit}")?;
        }
        Ok(())
    }
}

/// The counts of all measures.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally([u64; Measure::ALL.len()]);

impl Tally {
    /// Returns the count of this measure.
    #[must_use]
    pub fn of(&self, what: Measure) -> u64 {
        self.0.get(what as usize).copied().unwrap_or_default()
    }

    /// Adds to the count of this measure.
    pub(super) fn add(&mut self, what: Measure, more: u64) -> Result<(), TooMuch> {
        self.raise(what, self.of(what).saturating_add(more))
    }

    /// Raises the count of this measure to at least `found`.
    pub(super) fn raise(&mut self, what: Measure, found: u64) -> Result<(), TooMuch> {
        if let Some(counted) = self.0.get_mut(what as usize) {
            *counted = found.max(*counted);
        }
        if found > what.most() { Err(TooMuch { what, found: Some(found) }) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_readable() {
        let numbers = [0, 999, 1_000, 1_073_741_824].map(|number| Grouped(number).to_string());
        assert_eq!(numbers, ["0", "999", "1,000", "1,073,741,824"]);
    }

    #[test]
    fn the_number_and_the_limit_are_named() {
        let found = |found| TooMuch { what: Measure::Instances, found }.to_string();
        let rest = "components and modules; 1,000 are allowed";
        assert_eq!(found(Some(1_001)), format!("it instantiates 1,001 {rest}"));
        assert_eq!(found(None), format!("it instantiates more than 1,000 {rest}"));
        assert_eq!(
            found(Some(u64::MAX)),
            format!("it instantiates more than 18,446,744,073,709,551,615 {rest}")
        );
    }

    #[test]
    fn what_is_counted_has_one_place_each() {
        let mut tally = Tally::default();
        for (at, what) in Measure::ALL.into_iter().enumerate() {
            let most = what.most();
            assert_eq!((what as usize, tally.add(what, most)), (at, Ok(())));
            assert_eq!(tally.add(what, 1), Err(TooMuch { what, found: Some(most + 1) }));
        }
    }
}
