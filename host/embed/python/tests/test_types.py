"""Values that are none are errors, and no other values."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from http import HTTPStatus

import generate
import pytest
from conftest import ROOT, attempt, failure

from vehicle_connector import BodyKind, Effect, Other, Retry, SessionView, Transport, types

TOOL = ROOT / "host" / "embed" / "python" / "tools" / "generate.py"


def test_the_types_are_those_of_the_interface() -> None:
    checked = subprocess.run([sys.executable, TOOL, "--check"], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stderr


def test_the_generator_refuses_what_it_cannot_read() -> None:
    with pytest.raises(generate.Refused, match="line 2: flags doors {"):
        generate.read("interface policy {\nflags doors {\nfront,\n}\n}")


@pytest.mark.parametrize("status", [65_937, -1, 1 << 16])
def test_a_status_out_of_range_is_no_other_status(status: int) -> None:
    with pytest.raises(ValueError, match=rf"failure.http-status: {status} is no u16; it goes from 0 to 65535"):
        failure(http_status=status)


@pytest.mark.parametrize("status", [True, 401.0, "401"])
def test_a_status_of_another_type_is_none(status: object) -> None:
    with pytest.raises(TypeError, match="failure.http-status: .* is no u16 but a"):
        failure(http_status=status)


def test_what_counts_as_a_number_is_one() -> None:
    assert failure(http_status=HTTPStatus.UNAUTHORIZED) == failure(http_status=401)


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"retry_after": 1 << 32}, ValueError, "failure.retry-after: 4294967296 is no u32"),
        ({"message": b"expired"}, TypeError, "failure.message: b'expired' is no text but a bytes"),
        ({"message": "half of it: \ud83d"}, ValueError, "failure.message: .* has half a character at 12"),
        ({"effect": "actuation"}, TypeError, "failure.effect: 'actuation' is no Effect"),
        ({"body": Transport.OTHER}, TypeError, "failure.body: .* is no BodyKind"),
        ({"phase": None}, TypeError, "failure.phase: None is no Phase"),
    ],
)
def test_each_place_says_what_is_wrong_with_it(change: dict[str, object], error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        failure(**change)


def test_members_of_variants_are_checked_too() -> None:
    with pytest.raises(ValueError, match="decision.retry: -1 is no u32"):
        Retry(-1)
    with pytest.raises(TypeError, match="attempt.refreshed: 1 is neither True nor False"):
        attempt(refreshed=1)
    with pytest.raises(TypeError, match=r"attempt.verdict: None is no Verdict"):
        attempt(verdict=None)
    with pytest.raises(ValueError, match="session-view.expires-in: .* is no s64"):
        SessionView(
            cloud="x",
            reason=types.RefreshReason.MISSING,
            generation=0,
            expires_in=1 << 63,
            failures=0,
            refreshes_last_hour=0,
            random=0,
        )


def test_a_misspelt_name_is_an_error() -> None:
    with pytest.raises(TypeError, match="http_statu"):
        failure(http_statu=401)
    # FrozenInstanceError for a field, and of what there is none either.
    with pytest.raises((AttributeError, TypeError)):
        failure().http_statu = 401  # type: ignore[attr-defined]
    with pytest.raises(dataclasses.FrozenInstanceError):
        failure().http_status = 401  # type: ignore[misc]


def test_names_are_those_of_the_interface() -> None:
    assert (Effect.ACTUATION, BodyKind.NONE) == ("actuation", "none")
    assert Effect("read") is Effect.READ
    with pytest.raises(ValueError, match="sign in"):
        types.Phase("sign in")
    assert Other("sunspots") == Other("sunspots") != Other("comets")
