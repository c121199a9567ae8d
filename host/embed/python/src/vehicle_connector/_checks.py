"""Checks of values when they are made: what would become another value on its way is an error here.

A binding that takes any number makes 401 of 65937, and of an expired token something else or the other way round.
"""

from __future__ import annotations

from typing import Final

_RANGES: Final = {
    f"{sign}{bits}": (0, 2**bits - 1) if sign == "u" else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
    for sign in "us"
    for bits in (8, 16, 32, 64)
}


def integer(place: str, value: object, name: str) -> None:
    """A whole number in its range. `True` is none, although Python counts with it."""
    least, most = _RANGES[name]
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"{place}: {value!r} is no {name} but a {type(value).__name__}")
    if not least <= value <= most:
        raise ValueError(f"{place}: {value} is no {name}; it goes from {least} to {most}")


def float_(place: str, value: object) -> None:
    """A number."""
    if not isinstance(value, (float, int)) or isinstance(value, bool):
        raise TypeError(f"{place}: {value!r} is no number but a {type(value).__name__}")


def bool_(place: str, value: object) -> None:
    """`True` or `False`, and nothing that counts as one."""
    if type(value) is not bool:
        raise TypeError(f"{place}: {value!r} is neither True nor False")


def str_(place: str, value: object) -> None:
    """Text that can be written in UTF-8, which lone surrogates cannot."""
    if not isinstance(value, str):
        raise TypeError(f"{place}: {value!r} is no text but a {type(value).__name__}")
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError as error:
            raise ValueError(
                f"{place}: {value!r} is no text: it has half a character at {error.start}; "
                "decode what came from the network with errors='replace'"
            ) from None


def one_of(place: str, value: object, classes: tuple[type, ...]) -> None:
    """A value of one of these classes."""
    if not isinstance(value, classes):
        names = " or ".join(cls.__name__ for cls in classes)
        raise TypeError(f"{place}: {value!r} is no {names}")
