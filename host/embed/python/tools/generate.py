"""Writes the Python types of the interfaces: of `wit/policy.wit` `types.py` for people and `_wit.py` for what moves
values in and out, of `guest/rules/wit/rules.wit` `_rules_types.py` and `_rules_wit.py`.

`python tools/generate.py` writes them; with `--check` nothing is written, and the exit code is 1 if they are not
those of the interfaces any more.
"""

from __future__ import annotations

import argparse
import keyword
import re
import sys
import textwrap
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).resolve().parent.parent
WIT = HERE.parents[2] / "wit" / "policy.wit"
RULES = HERE.parents[2] / "guest" / "rules" / "wit" / "rules.wit"
PACKAGE = HERE / "src" / "vehicle_connector"
WIDTH = 110

# What WIT calls it, and what Python does.
TEXT, FLAG, FRACTION = {"string": "str"}, {"bool": "bool"}, {"f32": "float"}
INTEGERS = {f"{sign}{bits}": "int" for sign in "us" for bits in (8, 16, 32, 64)}
PLAIN = TEXT | FLAG | FRACTION | INTEGERS


@dataclass
class Item:
    """A field, a case or a parameter: its name, its type if it has one, and its documentation."""

    name: str
    type: str | None
    doc: str


@dataclass
class Type:
    """A type of the interface."""

    kind: str
    name: str
    doc: str
    items: list[Item] = field(default_factory=list)


@dataclass
class Interface:
    """What is read of a file."""

    package: str = ""
    version: str = ""
    name: str = ""
    aliases: dict[str, str] = field(default_factory=dict)
    types: list[Type] = field(default_factory=list)
    functions: list[Item] = field(default_factory=list)
    results: dict[str, str] = field(default_factory=dict)
    uses: list[str] = field(default_factory=list)
    used: str = ""

    def is_open(self, kind: Type) -> bool:
        """Whether a variant is names and nothing else: `other` is a name that this version does not know."""
        others = [item for item in kind.items if item.type is not None]
        return kind.kind == "variant" and [(item.name, item.type) for item in others] == [("other", "string")]


class Refused(Exception):
    """The file says something that this program has no Python for."""


ITEM = re.compile(r"([a-z0-9-]+)(?:\(([^()]+)\)|: ([^,]+))?,")
PACKAGE_LINE = re.compile(r"package ([a-z:-]+)@([0-9.]+);")
INTERFACE = re.compile(r"interface ([a-z-]+) \{")
ALIAS = re.compile(r"type ([a-z-]+) = ([a-z0-9]+);")
TYPE = re.compile(r"(record|enum|variant) ([a-z-]+) \{")
FUNCTION = re.compile(r"([a-z-]+): func\((?:([a-z-]+): ([a-z-]+))?\) -> ([a-z-]+);")


USE = re.compile(r"use ([a-z:-]+/[a-z-]+@[0-9.]+)\.\{([^}]*)\};")


def on_one_line(found: re.Match[str]) -> str:
    """What a file uses of another, on its first line; the others stay, so that lines keep their numbers."""
    return " ".join(found[0].split()) + "\n" * found[0].count("\n")


def read(text: str) -> Interface:
    """Reads one interface. A form that it does not know ends the program, rather than to be left out."""
    interface, docs, inside = Interface(), [], None
    # A world says what a component of the interface exports, which is the interface.
    text = re.sub(r"\nworld [a-z-]+ \{[^}]*\}", lambda found: "\n" * found[0].count("\n"), text)
    text = USE.sub(on_one_line, text)
    for number, line in enumerate(map(str.strip, text.splitlines()), 1):
        if line.startswith("///"):
            docs.append(line.removeprefix("///").strip())
            continue
        doc, docs = "\n".join(docs), []
        if inside is None:
            inside = declaration(interface, line, doc, number)
        elif line == "}":
            inside = None
        elif found := ITEM.fullmatch(line):
            inside.items.append(Item(found[1], found[2] or found[3], doc))
        elif line:
            raise Refused(f"line {number}: {line}")
    return interface


def declaration(interface: Interface, line: str, doc: str, number: int) -> Type | None:
    """Reads a line outside of types. Returns the type that begins with it."""
    if found := PACKAGE_LINE.fullmatch(line):
        interface.package, interface.version = found[1], found[2]
    elif found := INTERFACE.fullmatch(line):
        interface.name = found[1]
    elif found := USE.fullmatch(line):
        interface.used = found[1]
        interface.uses = [name.strip() for name in found[2].split(",") if name.strip()]
    elif found := ALIAS.fullmatch(line):
        interface.aliases[found[1]] = found[2]
    elif found := TYPE.fullmatch(line):
        interface.types.append(Type(found[1], found[2], doc))
        return interface.types[-1]
    elif found := FUNCTION.fullmatch(line):
        interface.functions.append(Item(found[1], found[3], doc))
        interface.results[found[1]] = found[4]
    elif line not in ("", "}"):
        raise Refused(f"line {number}: {line}")
    return None


def camel(name: str) -> str:
    return "".join(part.capitalize() for part in name.split("-"))


def snake(name: str) -> str:
    name = name.replace("-", "_")
    return name + "_" if keyword.iskeyword(name) else name


def optional(name: str) -> str | None:
    """What is in an `option<…>`."""
    found = re.fullmatch(r"option<(.+)>", name)
    return found[1] if found else None


def documented(doc: str, indent: str) -> str:
    """A docstring, filled anew: the interface has other margins."""
    paragraphs = [" ".join(part.split("\n")) for part in doc.split("\n\n")]
    width = WIDTH - len(indent) - 6
    lines = "\n\n".join("\n".join(textwrap.wrap(part, width)) for part in paragraphs).splitlines()
    lines = [line.replace("\\", "\\\\") for line in lines]
    if len(lines) == 1:
        return f'{indent}"""{lines[0]}"""\n'
    rest = "".join(f"{indent}{line}".rstrip() + "\n" for line in lines[1:])
    return f'{indent}"""{lines[0]}\n{rest}{indent}"""\n'


class Writer:
    """Writes the types."""

    def __init__(self, interface: Interface, source: str, base: Interface | None = None) -> None:
        self.interface, self.source = interface, source
        self.types = {kind.name: kind for kind in interface.types}
        used = [kind for kind in base.types if kind.name in interface.uses] if base else []
        self.used = {kind.name: kind for kind in used}
        self.out: list[str] = []
        self.payloads: dict[str, str | None] = {}

    def named(self, name: str) -> str:
        """The class of a type, and where it is from."""
        return f"policy.{camel(name)}" if name in self.used else camel(name)

    def annotation(self, name: str) -> str:
        """The type as people write it."""
        if inner := optional(name):
            return f"{self.annotation(inner)} | None"
        if name in self.interface.aliases:
            return camel(name)
        if name in PLAIN:
            return PLAIN[name]
        kind = self.used.get(name) or self.types[name]
        other = "policy.Other" if name in self.used else "Other"
        return f"{self.named(name)} | {other}" if self.interface.is_open(kind) else self.named(name)

    def case(self, kind: Type, item: Item) -> str:
        """The class of a case, by its own name unless a type has that."""
        if item.name == "other":
            return "policy.Other" if kind.name in self.used else "Other"
        if kind.name in self.used:
            # As it is called there.
            return "policy." + camel(item.name) + (camel(kind.name) if item.name == "latch" else "")
        return camel(item.name) + (camel(kind.name) if item.name in self.types | self.used else "")

    def check(self, place: str, value: str, name: str, indent: str) -> str:
        """What is checked of a value."""
        if inner := optional(name):
            return f"{indent}if {value} is not None:\n" + self.check(place, value, inner, indent + "    ")
        name = self.interface.aliases.get(name, name)
        if name in INTEGERS:
            check = f'integer("{place}", {value}, "{name}")'
        elif name in PLAIN:
            check = f'{PLAIN[name]}_("{place}", {value})'
        else:
            kind = self.used.get(name) or self.types[name]
            if kind.kind == "variant" and not self.interface.is_open(kind):
                classes = ", ".join(self.case(kind, item) for item in kind.items)
                check = f'one_of("{place}", {value}, ({classes}))'
            elif kind.kind == "variant":
                other = "policy.Other" if name in self.used else "Other"
                check = f'one_of("{place}", {value}, ({self.named(name)}, {other}))'
            else:
                check = f'one_of("{place}", {value}, ({self.named(name)},))'
        return f"{indent}check.{check}\n"

    def record(self, kind: Type) -> None:
        out = ["@dataclass(frozen=True, slots=True, kw_only=True)\n", f"class {camel(kind.name)}:\n"]
        out.append(documented(kind.doc, "    ") + "\n")
        # Those that may be absent come last, whatever their place: they are given by name.
        for item in kind.items:
            default = " = None" if optional(str(item.type)) else ""
            out.append(f"    {snake(item.name)}: {self.annotation(str(item.type))}{default}\n")
            out.append(documented(item.doc, "    "))
        out.append("\n    def __post_init__(self) -> None:\n")
        for item in kind.items:
            place = f"{kind.name}.{item.name}"
            out.append(self.check(place, f"self.{snake(item.name)}", str(item.type), "        "))
        self.out.append("".join(out))

    def enum(self, kind: Type) -> None:
        out = [f"class {camel(kind.name)}(StrEnum):\n", documented(kind.doc, "    ") + "\n"]
        for item in kind.items:
            if item.name == "other" and kind.kind == "variant":
                continue
            out.append(f'    {item.name.replace("-", "_").upper()} = "{item.name}"\n')
            out.append(documented(item.doc, "    "))
        self.out.append("".join(out))

    def variant(self, kind: Type) -> None:
        cases = []
        for item in kind.items:
            name = self.case(kind, item)
            cases.append(name)
            if name == "Other":
                continue
            if name in self.payloads:
                if self.payloads[name] != item.type:
                    raise Refused(f"{kind.name}.{item.name}: another variant has this case with another payload")
                continue
            self.payloads[name] = item.type
            out = ["@dataclass(frozen=True, slots=True)\n", f"class {name}:\n", documented(item.doc, "    ")]
            if item.type is not None:
                out.append(f"\n    value: {self.annotation(item.type)}\n")
                out.append("\n    def __post_init__(self) -> None:\n")
                out.append(self.check(f"{kind.name}.{item.name}", "self.value", item.type, "        "))
            self.out.append("".join(out))
        union = f"{camel(kind.name)} = {' | '.join(cases)}\n"
        if len(union) > WIDTH:
            union = f"{camel(kind.name)} = (\n    " + "\n    | ".join(cases) + "\n)\n"
        self.out.append(union + documented(kind.doc, ""))

    def module(self) -> str:
        head = (
            f'"""The types of `{self.interface.package}/{self.interface.name}@{self.interface.version}`.\n\n'
            "Records are frozen dataclasses, enums are `StrEnum`s with the names of the interface. A variant of names\n"
            "is an enum, or `Other` with a name that this version does not know; of any other variant each case is a\n"
            "class, for `match`. Values are checked when they are made: 65937 is no `u16`.\n\n"
            f'Written by `tools/generate.py`; change `{self.source}` instead.\n"""\n\n'
            "# ruff: noqa: E501\n"
            "from __future__ import annotations\n\n"
            "from dataclasses import dataclass\n"
            + ("" if self.used else "from enum import StrEnum\n")
            + "\nfrom vehicle_connector import _checks as check\n"
            + ("from vehicle_connector import types as policy\n" if self.used else "")
        )
        aliases = "".join(
            f"{camel(name)} = {PLAIN[target]}\n"
            f'"""A `{target}`. What is longer than 2^32 - 1 of them is told as that many."""\n'
            for name, target in self.interface.aliases.items()
        )
        other = (
            "@dataclass(frozen=True, slots=True)\nclass Other:\n"
            '    """A case that this version has no name for. It has no effect: nothing is repeated for it."""\n\n'
            "    value: str\n\n"
            "    def __post_init__(self) -> None:\n"
            '        check.str_("other", self.value)\n'
        )
        for kind in self.interface.types:
            if kind.kind == "record":
                self.record(kind)
            elif kind.kind == "enum" or self.interface.is_open(kind):
                self.enum(kind)
            else:
                self.variant(kind)
        if self.used:
            return "\n\n".join([head, *self.out])
        return "\n\n".join([head + "\n" + aliases, other, *self.out])

    def description(self, module: str) -> str:
        """What moves values in and out, as plain data."""
        resolved = self.interface.aliases

        def name_of(name: str) -> str:
            inner = optional(name)
            return f"option<{resolved.get(inner, inner)}>" if inner else resolved.get(name, name)

        out = [
            '"""What the interface has, as data. Written by `tools/generate.py`."""\n\n# ruff: noqa: E501\n'
            f"from vehicle_connector import {module}\n"
            "from vehicle_connector._interface import Enum, Record, Variant\n"
            + ("from vehicle_connector._wit import TYPES as USED\n\n" if self.used else "\n"),
            f'INTERFACE = "{self.interface.package}/{self.interface.name}"\n',
            f'VERSION = "{self.interface.version}"\n\n',
            "# What a component may import: types, and nothing to call.\n",
            f"IMPORTS: tuple[str, ...] = ({f'{chr(34)}{self.interface.used}{chr(34)},' if self.used else ''})\n\n",
            "TYPES: dict[str, Enum | Record | Variant] = " + ("USED | {\n" if self.used else "{\n"),
        ]
        for kind in self.interface.types:
            if kind.kind == "record":
                fields = "".join(
                    f'            ("{item.name}", "{snake(item.name)}", "{name_of(str(item.type))}"),\n'
                    for item in kind.items
                )
                out.append(
                    f'    "{kind.name}": Record(\n        {module}.{camel(kind.name)},\n'
                    f"        (\n{fields}        ),\n    ),\n"
                )
            elif kind.kind == "enum":
                out.append(f'    "{kind.name}": Enum({module}.{camel(kind.name)}),\n')
            elif self.interface.is_open(kind):
                out.append(f'    "{kind.name}": Variant.of_names({module}.{camel(kind.name)}, {module}.Other),\n')
            else:
                cases = "".join(
                    f'            ("{item.name}", {module}.{self.case(kind, item)}, {self.payload(item)}),\n'
                    for item in kind.items
                )
                out.append(f'    "{kind.name}": Variant(\n        (\n{cases}        ),\n    ),\n')
        out.append("}\n\nFUNCTIONS: dict[str, tuple[str | None, str]] = {\n")
        for item in self.interface.functions:
            parameter = f'"{item.type}"' if item.type else "None"
            out.append(f'    "{item.name}": ({parameter}, "{self.interface.results[item.name]}"),\n')
        out.append("}\n")
        return "".join(out)

    def payload(self, item: Item) -> str:
        return f'"{self.interface.aliases.get(item.type, item.type)}"' if item.type else "None"


def written() -> dict[Path, str]:
    """The files as they should be."""
    policy, rules = read(WIT.read_text()), read(RULES.read_text())
    of_policy = ("wit/policy.wit", None)
    of_rules = ("guest/rules/wit/rules.wit", policy)
    return {
        PACKAGE / "types.py": Writer(policy, *of_policy).module(),
        PACKAGE / "_wit.py": Writer(policy, *of_policy).description("types"),
        PACKAGE / "_rules_types.py": Writer(rules, *of_rules).module(),
        PACKAGE / "_rules_wit.py": Writer(rules, *of_rules).description("_rules_types"),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="compare, and write nothing")
    options = parser.parse_args()
    stale = [path for path, text in written().items() if not path.exists() or path.read_text() != text]
    for path in stale:
        if options.check:
            print(f"{path} is not that of its interface: run tools/generate.py", file=sys.stderr)
        else:
            path.write_text(written()[path])
    return 1 if options.check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
