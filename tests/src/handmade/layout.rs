//! Layout of the interfaces of `wit/` in a guest's memory, by the canonical ABI.
//!
//! A text has marks in angle brackets where a number would depend on `wit/`, and [`Layout::written`] puts the
//! numbers in. So a change of `wit/` moves everything at once, and a text that names what is gone is not made
//! at all.
//!
//! A place is a type, `policy.failure`, or the answer of a function, `connector#execute`, and from there on
//! fields, `.token-age`, cases with a payload, `.some`, `.ok`, `.pending`, members of a tuple, `.0`, and
//! `.each` for the elements of a list, which are elsewhere in memory.
//!
//! | Mark                                         | Written as                                             |
//! |----------------------------------------------|--------------------------------------------------------|
//! | `<offset policy.verdict.rule>`               | where that is, in bytes after the beginning            |
//! | `<size connector.vehicle>`                   | how many bytes that has                                |
//! | `<load policy.failure.token-age.some>`       | `i32.load offset=…`, as wide as what is there          |
//! | `<store policy.verdict.kind>`                | `i32.store8 offset=…`; of variants, their case        |
//! | `<case policy.decision.give-up>`             | the number of a case                                   |
//! | `<cases policy.decision>`                    | how many there are: the number of the first of none    |
//! | `<error mqtt.publish-error.other>`           | the number of a case, from 1                           |
//! | `<import http#send>`                         | the import of `$http.send`                             |
//! | `<export policy#decide>`                     | the name of the export, its parameters and its result  |
//! | `<get connector#sign-in account.endpoints>`  | the instruction for that part of a parameter           |
//! | `<interface lock>`                           | the name of an interface, with its version             |
//!
//! Parameters that do not fit are in memory. The pointer to them has the name of the only one, else
//! `$arguments`.

mod value;

use std::sync::LazyLock;

use wit_parser::abi::{AbiVariant, FlatTypes, WasmSignature, WasmType};
use wit_parser::{Function, Int, InterfaceId, PackageId, Resolve, SizeAlign, Type, TypeDefKind};

pub use self::value::value;

/// Layout of the interfaces of a package.
#[derive(Debug)]
pub struct Layout {
    resolve: Resolve,
    package: PackageId,
    sizes: Sizes,
}

/// Sizes of all types.
struct Sizes(SizeAlign);

impl std::fmt::Debug for Sizes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sizes").finish_non_exhaustive()
    }
}

/// A value in memory.
#[derive(Debug, Clone, Copy)]
struct Place {
    ty: Type,
    /// Bytes between the beginning and the value.
    offset: usize,
}

/// Layout of `wit/`.
pub fn layout() -> &'static Layout {
    static OF_WIT: LazyLock<Layout> = LazyLock::new(|| {
        let (resolve, world) = super::world("vehicle-connector");
        let package = resolve.worlds[world].package.unwrap();
        Layout::new(resolve, package)
    });
    &OF_WIT
}

impl Layout {
    /// Lays out a package.
    pub fn new(resolve: Resolve, package: PackageId) -> Self {
        let mut sizes = SizeAlign::default();
        sizes.fill(&resolve);
        Self { resolve, package, sizes: Sizes(sizes) }
    }

    /// Returns the text with numbers in the place of marks.
    pub fn written(&self, text: &str) -> String {
        let mut parts = text.split('<');
        let mut written = parts.next().unwrap().to_owned();
        for part in parts {
            let (mark, rest) =
                part.split_once('>').unwrap_or_else(|| panic!("a mark without an end: <{part}"));
            written += &self.mark(mark);
            written += rest;
        }
        written
    }

    fn mark(&self, mark: &str) -> String {
        match mark.split(' ').collect::<Vec<_>>()[..] {
            ["offset", place] => self.offset(place).to_string(),
            ["size", place] => self.size(place).to_string(),
            ["load", place] => self.access("load", self.place(place)),
            ["store", place] => self.access("store", self.place(place)),
            ["case", case] => self.case(case).to_string(),
            ["cases", place] => self.cases(place).len().to_string(),
            ["error", case] => (self.case(case) + 1).to_string(),
            ["import", function] => self.import(function),
            ["export", function] => self.export(function),
            ["get", function, part] => self.get(function, part),
            ["interface", name] => self.interface(name),
            _ => panic!("there is no such mark: <{mark}>"),
        }
    }

    /// Returns the bytes between the beginning and a place.
    pub fn offset(&self, place: &str) -> usize {
        self.place(place).offset
    }

    /// Returns the size of what is at a place, in bytes.
    pub fn size(&self, place: &str) -> usize {
        self.sizes.0.size(&self.place(place).ty).size_wasm32()
    }

    /// Returns the number of a case, which is the last word of the place.
    pub fn case(&self, case: &str) -> usize {
        let (place, name) = case.rsplit_once('.').unwrap();
        let number = self.cases(place).iter().position(|case| *case == name);
        number.unwrap_or_else(|| panic!("{place} has no case {name}"))
    }

    /// Returns the names of all cases of the enum or variant at a place.
    pub fn cases(&self, place: &str) -> Vec<&str> {
        match self.kind(self.place(place).ty) {
            Some(TypeDefKind::Enum(it)) => it.cases.iter().map(|case| case.name.as_str()).collect(),
            Some(TypeDefKind::Variant(it)) => it.cases.iter().map(|case| case.name.as_str()).collect(),
            _ => panic!("{place} has no cases"),
        }
    }

    /// Returns the name of an interface, with the version of its package.
    pub fn interface(&self, name: &str) -> String {
        self.resolve.id_of(self.interface_named(name)).unwrap()
    }

    /// Returns the parameters and the result of a function as those of a core function.
    pub fn signature(&self, function: &str, variant: AbiVariant) -> String {
        let function = self.function(function);
        let signature = self.resolve.wasm_signature(variant, function);
        let params = match parameters(function, &signature) {
            Some(name) if variant == AbiVariant::GuestExport => format!("(param ${name} i32)"),
            _ => types("param", &signature.params).trim_start().to_owned(),
        };
        format!("{params}{}", types("result", &signature.results))
    }

    fn import(&self, function: &str) -> String {
        let (interface, name) = function.split_once('#').unwrap();
        let id = match name.strip_prefix("[method]") {
            Some(method) => method.to_owned(),
            None => format!("{interface}.{name}"),
        };
        let signature = self.signature(function, AbiVariant::GuestImport);
        format!(r#"(import "{}" "{name}" (func ${id} {signature}))"#, self.interface(interface))
    }

    fn export(&self, function: &str) -> String {
        let (interface, name) = function.split_once('#').unwrap();
        let signature = self.signature(function, AbiVariant::GuestExport);
        format!(r#"(export "{}#{name}") {signature}"#, self.interface(interface))
    }

    /// Returns the instruction that gets a part of an exported function's parameters: its value, or of text
    /// and lists their address.
    fn get(&self, name: &str, part: &str) -> String {
        let function = self.function(name);
        let signature = self.resolve.wasm_signature(AbiVariant::GuestExport, function);
        let mut path = part.split('.');
        let param = path.next().unwrap();
        let at = function.params.iter().position(|it| it.name == param);
        let at = at.unwrap_or_else(|| panic!("{name} has no parameter {param}"));
        let all: Vec<&Type> = function.params.iter().map(|param| &param.ty).collect();
        match parameters(function, &signature) {
            Some(pointer) => {
                let offset = self.sizes.0.field_offsets(all.iter().copied())[at].0.size_wasm32();
                let place =
                    path.fold(Place { ty: *all[at], offset }, |place, word| self.within(place, word, name));
                format!("({} (local.get ${pointer}))", self.access("load", place))
            }
            None => {
                let before: usize = all[..at].iter().map(|ty| self.width(ty)).sum();
                let (index, _) =
                    path.fold((before, *all[at]), |(index, ty), word| self.flat_within(index, ty, word));
                format!("(local.get {index})")
            }
        }
    }

    /// Returns the instruction for what is at a place, without its operands.
    fn access(&self, what: &str, place: Place) -> String {
        let (number, width) = match self.aliased(place.ty) {
            Type::Bool | Type::U8 | Type::S8 => ("i32", "8"),
            Type::U16 | Type::S16 => ("i32", "16"),
            Type::U32 | Type::S32 | Type::Char | Type::String | Type::ErrorContext => ("i32", ""),
            Type::U64 | Type::S64 => ("i64", ""),
            Type::F32 => ("f32", ""),
            Type::F64 => ("f64", ""),
            Type::Id(_) => match self.kind(place.ty).unwrap() {
                TypeDefKind::Enum(it) => ("i32", tag(it.tag())),
                TypeDefKind::Variant(it) => ("i32", tag(it.tag())),
                TypeDefKind::Option(_) | TypeDefKind::Result(_) => ("i32", "8"),
                TypeDefKind::List(_) | TypeDefKind::Handle(_) => ("i32", ""),
                other => panic!("not one number: {other:?}"),
            },
        };
        let sign = if what == "load" && !width.is_empty() { "_u" } else { "" };
        format!("{number}.{what}{width}{sign} offset={}", place.offset)
    }

    fn place(&self, text: &str) -> Place {
        let (base, path) = match text.split_once('#') {
            Some((interface, rest)) => {
                let (function, path) = self.function_at(interface, rest);
                (function.result.unwrap(), path)
            }
            None => {
                let (interface, rest) = text.split_once('.').unwrap();
                let (ty, path) = rest.split_once('.').unwrap_or((rest, ""));
                let types = &self.resolve.interfaces[self.interface_named(interface)].types;
                let ty = types.get(ty).unwrap_or_else(|| panic!("there is no type {interface}.{ty}"));
                (Type::Id(*ty), path)
            }
        };
        let words = path.split('.').filter(|word| !word.is_empty());
        words.fold(Place { ty: base, offset: 0 }, |place, word| self.within(place, word, text))
    }

    /// Returns the part of what is at a place that has this name.
    fn within(&self, place: Place, word: &str, text: &str) -> Place {
        let none = || -> ! { panic!("nothing is called {word} in {text}") };
        let at = |offset: usize, ty: Option<Type>| match ty {
            Some(ty) => Place { ty, offset: place.offset + offset },
            None => none(),
        };
        let fields = |types: Vec<&Type>, index: Option<usize>| {
            let index = index.unwrap_or_else(|| none());
            let (offset, ty) = self.sizes.0.field_offsets(types)[index];
            at(offset.size_wasm32(), Some(*ty))
        };
        let payload = |tag: Int, cases: Vec<Option<&Type>>, index: Option<usize>| {
            let index = index.unwrap_or_else(|| none());
            let ty = cases[index].copied();
            at(self.sizes.0.payload_offset(tag, cases).size_wasm32(), ty)
        };
        match self.kind(place.ty) {
            Some(TypeDefKind::Record(it)) => fields(
                it.fields.iter().map(|field| &field.ty).collect(),
                it.fields.iter().position(|field| field.name == word),
            ),
            Some(TypeDefKind::Tuple(it)) => fields(it.types.iter().collect(), word.parse().ok()),
            Some(TypeDefKind::Variant(it)) => payload(
                it.tag(),
                it.cases.iter().map(|case| case.ty.as_ref()).collect(),
                it.cases.iter().position(|case| case.name == word),
            ),
            Some(TypeDefKind::Option(it)) => payload(Int::U8, vec![Some(it)], (word == "some").then_some(0)),
            Some(TypeDefKind::Result(it)) => payload(
                Int::U8,
                vec![it.ok.as_ref(), it.err.as_ref()],
                ["ok", "err"].iter().position(|case| *case == word),
            ),
            Some(TypeDefKind::List(element)) if word == "each" => Place { ty: *element, offset: 0 },
            _ => none(),
        }
    }

    /// Returns the part of a flattened parameter that has this name, and its type.
    fn flat_within(&self, index: usize, ty: Type, word: &str) -> (usize, Type) {
        match self.kind(ty) {
            Some(TypeDefKind::Record(it)) => {
                let at = it.fields.iter().position(|field| field.name == word).unwrap();
                let before: usize = it.fields[..at].iter().map(|field| self.width(&field.ty)).sum();
                (index + before, it.fields[at].ty)
            }
            Some(TypeDefKind::Option(it)) if word == "some" => (index + 1, *it),
            other => panic!("nothing is called {word} in {other:?}"),
        }
    }

    /// Returns the number of core values that a type is flattened to.
    fn width(&self, ty: &Type) -> usize {
        let mut storage = [WasmType::I32; 256];
        let mut flat = FlatTypes::new(&mut storage);
        assert!(self.resolve.push_flat(ty, &mut flat), "larger than any that is flattened");
        flat.to_vec().len()
    }

    /// Returns what a type with a definition is.
    fn kind(&self, ty: Type) -> Option<&TypeDefKind> {
        let Type::Id(id) = self.aliased(ty) else { return None };
        Some(&self.resolve.types[id].kind)
    }

    /// Returns the type that has this one as another name.
    fn aliased(&self, ty: Type) -> Type {
        match ty {
            Type::Id(id) => match &self.resolve.types[id].kind {
                TypeDefKind::Type(other) => self.aliased(*other),
                _ => ty,
            },
            _ => ty,
        }
    }

    fn interface_named(&self, name: &str) -> InterfaceId {
        let interface = self.resolve.packages[self.package].interfaces.get(name);
        *interface.unwrap_or_else(|| panic!("there is no interface {name}"))
    }

    fn function(&self, name: &str) -> &Function {
        let (interface, function) = name.split_once('#').unwrap();
        self.function_at(interface, function).0
    }

    /// Returns the function whose name a text begins with, and what comes after it. Names of methods have a
    /// dot.
    fn function_at<'t>(&self, interface: &str, text: &'t str) -> (&Function, &'t str) {
        let functions = self.resolve.interfaces[self.interface_named(interface)].functions.values();
        let rest = |function: &Function| text.strip_prefix(function.name.as_str());
        let mut found = functions.filter_map(|function| Some((function, rest(function)?)));
        let whole = found.find(|(_, rest)| rest.is_empty() || rest.starts_with('.'));
        whole.unwrap_or_else(|| panic!("there is no function {interface}#{text}"))
    }
}

/// Returns the name of the pointer to parameters that are in memory.
fn parameters<'f>(function: &'f Function, signature: &WasmSignature) -> Option<&'f str> {
    signature.indirect_params.then(|| match &function.params[..] {
        [only] => only.name.as_str(),
        _ => "arguments",
    })
}

fn types(what: &str, types: &[WasmType]) -> String {
    if types.is_empty() {
        return String::new();
    }
    let name = |ty: &WasmType| match ty {
        WasmType::I32 | WasmType::Pointer | WasmType::Length => "i32",
        WasmType::I64 | WasmType::PointerOrI64 => "i64",
        WasmType::F32 => "f32",
        WasmType::F64 => "f64",
    };
    let names: Vec<&str> = types.iter().map(name).collect();
    format!(" ({what} {})", names.join(" "))
}

fn tag(tag: Int) -> &'static str {
    match tag {
        Int::U8 => "8",
        Int::U16 => "16",
        Int::U32 | Int::U64 => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn small() -> Layout {
        let text = "
            package a:b@1.2.3;
            interface c {
                use d.{colour};
                type length = u64;
                record inner { a: u8, b: option<length>, c: string }
                variant choice { nothing, some-text(string), number(u16), pair(tuple<u8, u32>) }
                record outer { colour: colour, choice: choice, inner: inner, all: list<tuple<u16, inner>> }
                short: func(first: u8, second: inner) -> result<choice, colour>;
                both: func(first: inner, second: u64);
                too-much: func(first: outer, second: outer);
                one: func(first: tuple<outer, outer>);
            }
            interface d { enum colour { red, green } }
            world w { import c; export d; }";
        let mut resolve = Resolve::default();
        let package = resolve.push_str("small.wit", text).unwrap();
        Layout::new(resolve, package)
    }

    #[test]
    fn places_follow_from_the_canonical_abi() {
        let layout = small();
        for (place, offset) in [
            ("c.inner.a", 0),
            ("c.inner.b", 8),
            ("c.inner.b.some", 16),
            ("c.inner.c", 24),
            // A payload is as aligned as the largest one.
            ("c.choice.number", 4),
            ("c.choice.pair.1", 8),
            ("c.outer.choice", 4),
            ("c.outer.inner.c", 16 + 24),
            ("c.outer.all", 48),
            ("c.outer.all.each.1.a", 8),
            ("c#short.ok.pair.1", 4 + 4 + 4),
            ("c#short.err", 4),
        ] {
            assert_eq!(layout.offset(place), offset, "{place}");
        }
        assert_eq!([layout.size("c.inner"), layout.size("c.outer"), layout.size("d.colour")], [32, 56, 1]);
    }

    #[test]
    fn marks_are_written_as_what_they_mean() {
        let layout = small();
        for (text, written) in [
            ("(<load c.outer.inner.b.some> 1)", "(i64.load offset=32 1)"),
            ("<store c.outer.choice> <load c.choice.number>", "i32.store8 offset=4 i32.load16_u offset=4"),
            ("<case c.choice.pair> <case c.colour.green> <cases c.choice>", "3 1 4"),
            ("<error d.colour.red>", "1"),
            ("<interface d>", "a:b/d@1.2.3"),
            (
                "<import c#both>",
                r#"(import "a:b/c@1.2.3" "both" (func $c.both (param i32 i32 i64 i32 i32 i64)))"#,
            ),
            (
                "<export c#short>",
                r#"(export "a:b/c@1.2.3#short") (param i32 i32 i32 i64 i32 i32) (result i32)"#,
            ),
            ("<get c#short second.c>", "(local.get 4)"),
            ("<get c#short second.b.some>", "(local.get 3)"),
            ("<get c#too-much second.inner.a>", "(i32.load8_u offset=72 (local.get $arguments))"),
            ("<get c#one first.1.inner.a>", "(i32.load8_u offset=72 (local.get $first))"),
        ] {
            assert_eq!(layout.written(text), written, "{text}");
        }
    }

    #[test]
    #[should_panic(expected = "c.choice has no case other")]
    fn what_is_gone_is_not_written() {
        small().written("<case c.choice.other>");
    }
}
