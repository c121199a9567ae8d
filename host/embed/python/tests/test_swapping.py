"""Another policy while it is asked: by hand, from a watched file, and back."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT, component, failure
from wasmtime import wat2wasm

from vehicle_connector import (
    Event,
    FailureKind,
    NothingToGoBackTo,
    NotSwapped,
    Policy,
    Refused,
    RolledBack,
    Swapped,
    _carried,
    _trial,
)

CONNECTOR = ROOT / "guest" / "dist" / "hyundai-kia-eu.wasm"
FOUR_PHRASES = ROOT / "guest" / "dist" / "four-phrases.wasm"


def test_a_swap_and_the_way_back(policy: Policy, events: list[Event]) -> None:
    first, operation = policy.identity, policy.active
    second = policy.swap(component("behaving"))
    assert (second.name, second.generation) == ("behaving", 2)
    assert policy.classify(failure()).rule == ""
    assert operation.classify(failure()).rule == "expired", "an operation ends with what it began with"
    assert policy.swap(component("behaving")) == second, "the active one is left alone"
    assert policy.rollback() == first
    assert events == [Swapped(to=second, before=first), RolledBack(to=first, before=second, why="by hand")]
    with pytest.raises(NothingToGoBackTo):
        policy.rollback()
    # By hand is no judgement.
    assert policy.swap(component("behaving")).digest == second.digest


def test_four_generations_are_kept(policy: Policy) -> None:
    for _ in range(3):
        policy.swap(component("behaving"))
        policy.swap(component("other"))
    for _ in range(4):
        policy.rollback()
    with pytest.raises(NothingToGoBackTo):
        policy.rollback()


# A component with the interface's name and another interface.
OTHER_SHAPE = """
(component
  (core module $m (func (export "f") (result i32) i32.const 0))
  (core instance $i (instantiate $m))
  (func $describe (result u32) (canon lift (core func $i "f")))
  (instance $policy (export "describe" (func $describe)))
  (export "vehicle:connector/policy@0.2.0" (instance $policy)))
"""


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "it is no WebAssembly component"),
        (b"(component)", "it is no WebAssembly component"),
        (bytes(wat2wasm("(module)")), "a core module, no component; `wasm-tools component new` makes one"),
        (bytes(wat2wasm("(component)")), "it exports nothing, and not vehicle:connector/policy@0.2.0"),
        (bytes(wat2wasm(OTHER_SHAPE)), "describe, answer: it has U32 where .* has manifest"),
        (component("behaving").read_bytes()[:4_000], "it is no WebAssembly component that works"),
        (CONNECTOR, "it imports vehicle:connector/clock@0.2.0, .* and a policy is given nothing"),
        (component("repeating"), "after .*Token is expired.* it decides retry and not refresh-and-retry"),
        (FOUR_PHRASES, "token has expired.* is classified as unknown and not as token-expired"),
        (bytes((32 << 20) + 1), "it has more than the 33554432 bytes that are loaded"),
    ],
)
def test_what_is_refused_changes_nothing(
    policy: Policy, events: list[Event], content: bytes | Path, words: str
) -> None:
    before = policy.active
    for refuses in (policy.swap, policy.verify):
        with pytest.raises(Refused, match=words):
            refuses(content)
    assert policy.active is before
    assert events == []


def demands_of(words: str) -> dict[str, Any]:
    """What the trial demands of the case with these words."""
    [found] = [one["demands"] for one in _carried.document()["trial"] if words in one["case"]]
    demands: dict[str, Any] = found
    return demands


@pytest.mark.parametrize(
    ("case", "kind", "decision", "words"),
    [
        ("Token is expired", "unknown", "give-up", "is classified as unknown and not as token-expired"),
        ("Token is expired", "token-expired", "give-up", "it decides give-up and not refresh-and-retry"),
        ("invalid_grant", "token-expired", "give-up", "is classified as token-expired"),
        ("HTTP 429", "rate-limited", "refresh-and-retry", "it decides refresh-and-retry"),
        ("an unlock", "transient", "retry", "it decides retry"),
        ("an unlock", "transient", "discard-and-retry", "it decides discard-and-retry"),
    ],
)
def test_each_demand_of_the_trial_is_held(case: str, kind: str, decision: str, words: str) -> None:
    with pytest.raises(Refused, match=f"the trial failed: .*{words}"):
        _trial.judge(case, demands_of(case), kind, decision)


@pytest.mark.parametrize(
    ("case", "kind", "decision"),
    [
        ("Token is expired", "token-expired", "refresh-and-retry"),
        ("HTTP 503", "transient", "retry"),
        ("an unlock", "unknown", "confirm"),
    ],
)
def test_what_is_right_passes_the_trial(case: str, kind: str, decision: str) -> None:
    _trial.judge(case, demands_of(case), kind, decision)


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="there is no file without an end here")
def test_of_a_file_without_an_end_no_more_is_read_than_it_takes(policy: Policy) -> None:
    with pytest.raises(Refused, match="it has more than the 33554432 bytes"):
        policy.swap("/dev/zero")


def test_a_component_is_verified_without_becoming_active(policy: Policy) -> None:
    assert policy.verify(component("behaving")).name == "behaving"
    assert policy.identity.name == "default"


def put(name: str, place: Path) -> None:
    """Moves a copy in, as people are told to."""
    aside = place.with_suffix(".new")
    aside.write_bytes(component(name).read_bytes())
    os.replace(aside, place)


def test_what_is_moved_into_a_watched_file_becomes_active(policy: Policy, events: list[Event], tmp_path: Path) -> None:
    file = tmp_path / "policy.wasm"
    with policy.watch(file, every=0) as watch:
        assert watch.look() is None, "it need not be there yet"
        put("behaving", file)
        assert (found := watch.look()) is not None
        assert found.name == "behaving"
        assert watch.look() is None
        file.write_bytes(component("other").read_bytes()[:100])
        assert watch.look() is None
        assert watch.look() is None
    [swapped, refused] = events
    assert isinstance(swapped, Swapped)
    assert isinstance(refused, NotSwapped), "and it is told once"
    assert refused.source == str(file)
    assert "no WebAssembly component" in refused.why
    assert policy.identity.name == "behaving"


def test_a_component_that_was_rolled_back_stays_away_however_often_it_is_looked_at(
    policy: Policy, tmp_path: Path
) -> None:
    file = tmp_path / "policy.wasm"
    put("trapping", file)
    watch = policy.watch(file, every=0)
    watch.look()
    for _ in range(3):
        policy.classify(failure())
    put("trapping", file)
    assert watch.look() is None
    assert policy.identity.name == "default"


def test_the_thread_of_a_watch_sees_it_by_itself(tmp_path: Path) -> None:
    swapped = threading.Event()
    policy = Policy.load(on_event=lambda event: swapped.set() if isinstance(event, Swapped) else None)
    file = tmp_path / "policy.wasm"
    with policy.watch(file, every=0.01):
        put("behaving", file)
        assert swapped.wait(30)
    assert policy.identity.name == "behaving"


def test_every_call_has_an_answer_while_policies_are_swapped(policy: Policy, events: list[Event]) -> None:
    over = threading.Event()
    wrong: list[object] = []

    def ask() -> None:
        while not over.is_set():
            if (verdict := policy.classify(failure())).kind != FailureKind.TOKEN_EXPIRED:
                wrong.append(verdict)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for _ in range(5):
        policy.swap(component("behaving"))
        policy.rollback()
    over.set()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert len(events) == 10
