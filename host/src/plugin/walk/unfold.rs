//! Unfolding a component: counting what becomes of it when it is instantiated, without instantiating it.
//!
//! The compiler executes the instantiation of components symbolically: a component that instantiates another
//! one twice, which does the same, is unfolded to as many copies as that gives, and so are the captures of a
//! component. Here the same steps are taken, but a result that was counted once, with the same arguments, is
//! not counted again, so that 2^30 copies take as long as 30 do. Where arguments differ every time, the
//! counting ends at the limit.

use std::collections::{BTreeMap, HashMap};

use super::limits::{Measure, Tally, TooMuch};
use super::{Objection, Outer, Plan, Sort, Step};

/// A value in an index space.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Value {
    /// A component, by its number among the closures.
    Component(usize),
    /// An instance, by its number among the bags.
    Instance(usize),
    /// A value from the host.
    Foreign,
}

type Named<'a> = BTreeMap<&'a str, Value>;

/// A component with what it closes over.
struct Closure {
    definition: usize,
    outer: Option<usize>,
    /// Weight of a copy.
    weight: u64,
}

/// An instance, with its exports.
#[derive(Default)]
struct Bag<'a> {
    named: Named<'a>,
    /// Weight of a copy.
    weight: u64,
}

/// A component while it is instantiated.
#[derive(Default)]
struct Frame {
    components: Vec<Value>,
    instances: Vec<Value>,
    outer: Option<usize>,
}

/// Total cost of one instantiation.
#[derive(Debug, Clone, Copy)]
struct Total {
    instances: u64,
    items: u64,
}

impl Total {
    fn add(&mut self, other: Self) {
        self.instances = self.instances.saturating_add(other.instances);
        self.items = self.items.saturating_add(other.items);
    }

    fn copy(&mut self, weight: u64) {
        self.items = self.items.saturating_add(weight);
    }
}

struct Unfolding<'p, 'a> {
    plan: &'p Plan<'a>,
    frames: Vec<Frame>,
    closures: Vec<Closure>,
    bags: Vec<Bag<'a>>,
    known: HashMap<(usize, Named<'a>), (Total, usize)>,
    /// Number of steps taken here.
    taken: u64,
}

/// Counts what the root component of a plan takes.
pub(super) fn unfold(plan: &Plan<'_>, tally: &mut Tally) -> Result<(), Objection> {
    let mut unfolding = Unfolding {
        plan,
        frames: Vec::new(),
        closures: vec![Closure { definition: 0, outer: None, weight: 1 }],
        bags: Vec::new(),
        known: HashMap::new(),
        taken: 0,
    };
    let (total, _exports) = unfolding.instantiate(0, Named::new(), 1)?;
    tally.raise(Measure::Instances, total.instances)?;
    tally.raise(Measure::Items, total.items)?;
    Ok(())
}

impl<'a> Unfolding<'_, 'a> {
    /// Counts an instantiation. Returns its total, and the bag with its exports.
    fn instantiate(
        &mut self,
        closure: usize,
        arguments: Named<'a>,
        depth: u64,
    ) -> Result<(Total, usize), Objection> {
        if depth > Measure::Depth.most() {
            return Err(TooMuch { what: Measure::Depth, found: None }.into());
        }
        let key = (closure, arguments);
        if let Some(known) = self.known.get(&key) {
            return Ok(*known);
        }
        let Closure { definition, outer, .. } = *self.closures.get(closure).ok_or(Objection::Index)?;
        let plan = self.plan;
        let definition = plan.definitions.get(definition).ok_or(Objection::Index)?;
        if self.known.len() as u64 >= Measure::Instances.most() {
            return Err(TooMuch { what: Measure::Instances, found: None }.into());
        }
        let frame = self.frames.len();
        self.frames.push(Frame { outer, ..Frame::default() });
        let instances = definition.module_instances.saturating_add(1);
        let mut total = Total { instances, items: definition.items };
        let mut exports = Bag::default();
        for step in &definition.steps {
            self.take(frame, step, (&key.1, &mut exports), &mut total, depth)?;
        }
        exports.weight = exports.weight.saturating_add(1);
        let exports = self.bag(exports);
        self.known.insert(key, (total, exports));
        Ok((total, exports))
    }

    fn take(
        &mut self,
        frame: usize,
        step: &Step<'a>,
        (arguments, exports): (&Named<'a>, &mut Bag<'a>),
        total: &mut Total,
        depth: u64,
    ) -> Result<(), Objection> {
        self.taken = self.taken.saturating_add(step.size());
        if self.taken > Measure::Items.most() {
            return Err(TooMuch { what: Measure::Items, found: None }.into());
        }
        total.copy(step.size());
        let Some((sort, value)) = self.made_by(frame, step, (arguments, exports), total, depth)? else {
            return Ok(());
        };
        total.copy(self.weight(value));
        let frame = self.frames.get_mut(frame).ok_or(Objection::Index)?;
        match sort {
            Sort::Component => frame.components.push(value),
            Sort::Instance => frame.instances.push(value),
        }
        Ok(())
    }

    /// Returns the value that a step adds to its frame, if it adds one.
    fn made_by(
        &mut self,
        frame: usize,
        step: &Step<'a>,
        (arguments, exports): (&Named<'a>, &mut Bag<'a>),
        total: &mut Total,
        depth: u64,
    ) -> Result<Option<(Sort, Value)>, Objection> {
        Ok(Some(match step {
            Step::Define(definition) => {
                // Looking at its captures takes time in proportion to their number.
                let captured = self.plan.definitions.get(*definition).map_or(0, |it| it.captures.len());
                self.taken = self.taken.saturating_add(captured as u64);
                let weight = self.weight_of_captures(frame, *definition)?;
                self.closures.push(Closure { definition: *definition, outer: Some(frame), weight });
                (Sort::Component, Value::Component(self.closures.len() - 1))
            }
            Step::Outer(outer) => (Sort::Component, self.outer(frame, *outer)?),
            Step::Import { name, sort } => (*sort, arguments.get(name).copied().unwrap_or(Value::Foreign)),
            Step::Alias { instance, name, sort } => {
                let value = match self.value(frame, Sort::Instance, *instance)? {
                    Value::Instance(bag) => self.bags.get(bag).and_then(|bag| bag.named.get(name).copied()),
                    _ => Some(Value::Foreign),
                };
                (*sort, value.ok_or(Objection::Index)?)
            }
            Step::Export { name, sort, index } => {
                let value = self.value(frame, *sort, *index)?;
                exports.named.insert(name, value);
                exports.weight = exports.weight.saturating_add(self.weight(value));
                (*sort, value)
            }
            Step::ExportOther => {
                exports.weight = exports.weight.saturating_add(1);
                return Ok(None);
            }
            Step::Bundle { named, others } => {
                let named = self.named(frame, named)?;
                let weight =
                    named.values().fold(*others, |sum, value| sum.saturating_add(self.weight(*value)));
                (Sort::Instance, Value::Instance(self.bag(Bag { named, weight: weight.saturating_add(1) })))
            }
            Step::Instantiate { component, arguments, .. } => {
                let Value::Component(closure) = self.value(frame, Sort::Component, *component)? else {
                    return Err(Objection::ForeignComponent);
                };
                let arguments = self.named(frame, arguments)?;
                arguments.values().for_each(|value| total.copy(self.weight(*value)));
                let (inner, exports) = self.instantiate(closure, arguments, depth + 1)?;
                total.add(inner);
                (Sort::Instance, Value::Instance(exports))
            }
        }))
    }

    fn bag(&mut self, bag: Bag<'a>) -> usize {
        self.bags.push(bag);
        self.bags.len() - 1
    }

    fn value(&self, frame: usize, sort: Sort, index: u32) -> Result<Value, Objection> {
        let frame = self.frames.get(frame).ok_or(Objection::Index)?;
        let space = match sort {
            Sort::Component => &frame.components,
            Sort::Instance => &frame.instances,
        };
        space.get(index as usize).copied().ok_or(Objection::Index)
    }

    fn named(&self, frame: usize, items: &[(&'a str, Sort, u32)]) -> Result<Named<'a>, Objection> {
        items.iter().map(|(name, sort, index)| Ok((*name, self.value(frame, *sort, *index)?))).collect()
    }

    fn outer(&self, frame: usize, Outer { count, index }: Outer) -> Result<Value, Objection> {
        let mut frame = frame;
        for _ in 0..count {
            frame = self.frames.get(frame).and_then(|frame| frame.outer).ok_or(Objection::Index)?;
        }
        self.value(frame, Sort::Component, index)
    }

    /// Returns the weight of a copy: the compiler copies instances and closures whole.
    fn weight(&self, value: Value) -> u64 {
        match value {
            Value::Component(closure) => self.closures.get(closure).map_or(1, |closure| closure.weight),
            Value::Instance(bag) => self.bags.get(bag).map_or(1, |bag| bag.weight),
            Value::Foreign => 1,
        }
    }

    fn weight_of_captures(&self, frame: usize, definition: usize) -> Result<u64, Objection> {
        let definition = self.plan.definitions.get(definition).ok_or(Objection::Index)?;
        let mut weight = definition.captured_modules.saturating_add(1);
        for outer in &definition.captures {
            weight = weight.saturating_add(self.weight(self.outer(frame, *outer)?));
        }
        Ok(weight)
    }
}
