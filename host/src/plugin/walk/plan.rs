//! Reading a component for what it will do when it is instantiated, and for its amount of code and
//! declarations.
//!
//! One pass over the bytes. The memory used is bounded by the limits, whatever the bytes claim.

use wasmparser::{
    ComponentAlias, ComponentExternalKind, ComponentImport, ComponentInstance, ComponentOuterAliasKind,
    Encoding, FunctionBody, Instance, Parser, Payload,
};

use super::limits::{Measure, Tally};
use super::{Definition, Objection, Outer, Plan, Sort, Step};

/// Returns the plan of a component, and counts what it has in the file.
pub(super) fn read<'a>(component: &'a [u8], tally: &mut Tally) -> Result<Plan<'a>, Objection> {
    let mut reader =
        Reader { definitions: vec![Definition::default()], scopes: vec![Some(0)], items: 0, tally };
    let mut is_first = true;
    for payload in Parser::new(0).parse_all(component) {
        let payload = payload?;
        if let (true, Payload::Version { encoding: Encoding::Module, .. }) = (is_first, &payload) {
            return Err(Objection::Module);
        }
        is_first = false;
        reader.read(payload)?;
    }
    Ok(Plan { definitions: reader.definitions })
}

struct Reader<'a, 't> {
    definitions: Vec<Definition<'a>>,
    /// Scopes of the bytes being read: components, by index, or a module (none).
    scopes: Vec<Option<usize>>,
    /// Steps and items of all components, each as often as it is in the file.
    items: u64,
    tally: &'t mut Tally,
}

fn sort_of(kind: ComponentExternalKind) -> Option<Sort> {
    match kind {
        ComponentExternalKind::Component => Some(Sort::Component),
        ComponentExternalKind::Instance => Some(Sort::Instance),
        _ => None,
    }
}

/// Returns the number of declarations in a section of which nothing else matters.
fn declared_by(payload: &Payload<'_>) -> u32 {
    match payload {
        Payload::TypeSection(section) => section.count(),
        Payload::ImportSection(section) => section.count(),
        Payload::MemorySection(section) => section.count(),
        Payload::TagSection(section) => section.count(),
        Payload::GlobalSection(section) => section.count(),
        Payload::ExportSection(section) => section.count(),
        Payload::ElementSection(section) => section.count(),
        Payload::DataSection(section) => section.count(),
        Payload::CoreTypeSection(section) => section.count(),
        Payload::ComponentTypeSection(section) => section.count(),
        _ => 0,
    }
}

impl<'a> Reader<'a, '_> {
    fn read(&mut self, payload: Payload<'a>) -> Result<(), Objection> {
        let declared = match payload {
            Payload::ModuleSection { .. } => {
                self.tally.add(Measure::Modules, 1)?;
                self.item(1)?;
                return self.enter(None);
            }
            Payload::ComponentSection { .. } => {
                let definition = self.definitions.len();
                self.step(Step::Define(definition))?;
                self.definitions.push(Definition::default());
                return self.enter(Some(definition));
            }
            Payload::End(_) => {
                self.scopes.pop();
                0
            }
            Payload::InstanceSection(section) => {
                return section.into_iter().try_for_each(|it| self.instance(it?));
            }
            Payload::ComponentInstanceSection(section) => {
                return section.into_iter().try_for_each(|it| self.component_instance(it?));
            }
            Payload::ComponentAliasSection(section) => {
                return section.into_iter().try_for_each(|it| self.alias(it?));
            }
            Payload::ComponentImportSection(section) => {
                return section.into_iter().try_for_each(|import| self.import(&import?));
            }
            Payload::ComponentExportSection(section) => {
                return section.into_iter().try_for_each(|export| {
                    let export = export?;
                    match sort_of(export.kind) {
                        Some(sort) => {
                            self.step(Step::Export { name: export.name.name, sort, index: export.index })
                        }
                        None => self.step(Step::ExportOther),
                    }
                });
            }
            Payload::ComponentCanonicalSection(section) => return self.item(section.count().into()),
            Payload::FunctionSection(section) => {
                self.tally.add(Measure::Functions, section.count().into())?;
                0
            }
            Payload::CodeSectionEntry(body) => return self.function(&body),
            Payload::TableSection(section) => {
                let tables = section.count();
                for table in section {
                    self.tally.add(Measure::TableElements, table?.ty.initial)?;
                }
                tables
            }
            other => declared_by(&other),
        };
        Ok(self.tally.add(Measure::Declarations, declared.into())?)
    }

    fn import(&mut self, import: &ComponentImport<'a>) -> Result<(), Objection> {
        match sort_of(import.ty.kind()) {
            Some(sort) => self.step(Step::Import { name: import.name.name, sort }),
            None => self.item(1),
        }
    }

    fn enter(&mut self, scope: Option<usize>) -> Result<(), Objection> {
        self.scopes.push(scope);
        Ok(self.tally.raise(Measure::Depth, self.scopes.len() as u64)?)
    }

    /// Returns the component `count` levels out.
    fn definition(&mut self, count: u32) -> Result<&mut Definition<'a>, Objection> {
        let at = self.scopes.iter().rev().nth(count as usize).copied().flatten();
        at.and_then(|at| self.definitions.get_mut(at)).ok_or(Objection::Index)
    }

    /// Counts actions that nothing here depends on.
    fn item(&mut self, count: u64) -> Result<(), Objection> {
        self.items = self.items.saturating_add(count);
        self.tally.raise(Measure::Items, self.items)?;
        let definition = self.definition(0)?;
        definition.items = definition.items.saturating_add(count);
        Ok(())
    }

    fn step(&mut self, step: Step<'a>) -> Result<(), Objection> {
        self.items = self.items.saturating_add(step.size());
        self.tally.raise(Measure::Items, self.items)?;
        self.definition(0)?.steps.push(step);
        Ok(())
    }

    fn instance(&mut self, instance: Instance<'a>) -> Result<(), Objection> {
        match instance {
            Instance::Instantiate { args, .. } => {
                self.item(args.len() as u64 + 1)?;
                self.definition(0)?.module_instances += 1;
                Ok(())
            }
            Instance::FromExports(exports) => self.item(exports.len() as u64 + 1),
        }
    }

    fn component_instance(&mut self, instance: ComponentInstance<'a>) -> Result<(), Objection> {
        let step = match instance {
            ComponentInstance::Instantiate { component_index: component, args } => {
                let named = args.iter().filter_map(|arg| Some((arg.name, sort_of(arg.kind)?, arg.index)));
                let arguments: Vec<_> = named.collect();
                let others = (args.len() - arguments.len()) as u64;
                Step::Instantiate { component, arguments, others }
            }
            ComponentInstance::FromExports(exports) => {
                let named = exports.iter();
                let named = named.filter_map(|item| Some((item.name.name, sort_of(item.kind)?, item.index)));
                let named: Vec<_> = named.collect();
                let others = (exports.len() - named.len()) as u64;
                Step::Bundle { named, others }
            }
        };
        self.step(step)
    }

    fn alias(&mut self, alias: ComponentAlias<'a>) -> Result<(), Objection> {
        match alias {
            ComponentAlias::InstanceExport { kind, instance_index: instance, name } => match sort_of(kind) {
                Some(sort) => self.step(Step::Alias { instance, name, sort }),
                None => self.item(1),
            },
            ComponentAlias::Outer { kind: ComponentOuterAliasKind::Component, count, index } => {
                self.captured(count, |within, outwards| {
                    within.captures.push(Outer { count: outwards, index });
                })?;
                self.step(Step::Outer(Outer { count, index }))
            }
            ComponentAlias::Outer { kind: ComponentOuterAliasKind::CoreModule, count, .. } => {
                self.captured(count, |within, _| within.captured_modules += 1)?;
                self.item(1)
            }
            ComponentAlias::Outer { .. } | ComponentAlias::CoreInstanceExport { .. } => self.item(1),
        }
    }

    /// Records the target of an alias as a capture of every component between here and there, each with the
    /// distance outward from where that component is defined.
    fn captured(
        &mut self,
        count: u32,
        mut close_over: impl FnMut(&mut Definition<'a>, u32),
    ) -> Result<(), Objection> {
        for level in 0..count {
            self.item(1)?;
            close_over(self.definition(level)?, count - level - 1);
        }
        Ok(())
    }

    fn function(&mut self, body: &FunctionBody<'a>) -> Result<(), Objection> {
        self.tally.raise(Measure::LargestFunction, body.range().len() as u64)?;
        for group in body.get_locals_reader()? {
            let (count, _type) = group?;
            self.tally.add(Measure::Locals, count.into())?;
        }
        Ok(())
    }
}
