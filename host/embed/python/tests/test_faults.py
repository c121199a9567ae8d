"""Policies that trap, spin or eat memory cost that answer, and the third time their place."""

from __future__ import annotations

import logging
import os
import threading
import time
from types import SimpleNamespace
from typing import Any

import pytest
from conftest import attempt, component, failure
from wasmtime import Engine

from vehicle_connector import (
    CircuitScope,
    Event,
    FailureKind,
    Faulted,
    GiveUp,
    Limits,
    Policy,
    Refresh,
    RefreshReason,
    Refused,
    RolledBack,
    SessionView,
    Swapped,
    _deadline,
)
from vehicle_connector.errors import CallFault

WORDS = {"trapping": "unreachable", "spinning": "ended after 50 ms", "hoarding": "unreachable"}


@pytest.mark.parametrize("name", WORDS)
def test_the_third_fault_brings_the_one_before_back(policy: Policy, events: list[Event], name: str) -> None:
    before = policy.identity
    bad = policy.swap(component(name))
    for _ in range(3):
        verdict = policy.classify(failure())
        assert (verdict.kind, verdict.rule) == (FailureKind.UNKNOWN, "host.policy-fault")
    assert policy.identity == before
    assert policy.classify(failure()).rule == "expired"
    swapped, *faults, back = events
    assert swapped == Swapped(to=bad, before=before)
    assert [(type(fault), fault.of) for fault in faults if isinstance(fault, Faulted)] == [(Faulted, bad)] * 3
    assert all(isinstance(fault, Faulted) and WORDS[name] in fault.why for fault in faults)
    assert isinstance(back, RolledBack)
    assert (back.to, back.before) == (before, bad)
    # And it does not come back by itself.
    with pytest.raises(Refused, match=rf"policy.forgive\('{bad.digest}'\)"):
        policy.swap(component(name))
    policy.forgive(bad.digest)
    assert policy.swap(component(name)).digest == bad.digest


def test_what_holds_where_there_is_no_answer(policy: Policy) -> None:
    policy.swap(component("trapping"))
    operation = policy.active
    # It misbehaves in `classify` alone; these have answers.
    assert operation.decide(attempt()) is not None
    session = SessionView(
        cloud="x", reason=RefreshReason.REFUSED, generation=1, failures=0, refreshes_last_hour=0, random=0
    )
    assert operation.admit_refresh(session) == Refresh()
    # An operation keeps its policy, whatever happens to the slot meanwhile.
    for _ in range(5):
        assert operation.classify(failure()).rule == "host.policy-fault"
    assert policy.identity.name == "default"


def test_one_that_was_rolled_back_by_hand_is_known_as_bad_by_its_later_faults(policy: Policy) -> None:
    policy.swap(component("trapping"))
    operation = policy.active
    policy.rollback()
    for _ in range(3):
        operation.classify(failure())
    with pytest.raises(Refused, match="it was rolled back for its faults"):
        policy.swap(component("trapping"))


def test_an_interrupt_in_a_call_leaves_nothing_behind(policy: Policy, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C may come anywhere. A deadline that went on would be looked up for a thread that may be gone."""
    guest = policy.active._guest

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("vehicle_connector._guest.ffi.wasmtime_component_func_call", interrupted)
        with pytest.raises(KeyboardInterrupt):
            policy.classify(failure())
    assert not guest._deadline.look()
    assert policy.classify(failure()).rule == "expired"


@pytest.mark.parametrize("limits", [{"cpu": 0}, {"wall": -1.0}, {"memory": 0}, {"calls_per_instance": 0}])
def test_limits_that_are_none_are_refused(limits: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="each of them has to be more than nothing"):
        Limits(**limits)


def test_no_answer_to_any_question_repeats_anything(
    policy: Policy, events: list[Event], monkeypatch: pytest.MonkeyPatch
) -> None:
    generation = policy.active

    def fails(*_: object) -> None:
        raise CallFault("it trapped")

    monkeypatch.setattr(generation._guest, "ask", fails)
    assert policy.decide(attempt()) == GiveUp()
    assert policy.circuit(CircuitScope.CLOUD).consecutive_failures == 5
    assert policy.classify(failure()).kind == FailureKind.UNKNOWN
    assert [type(event) for event in events] == [Faulted] * 3
    assert policy.active is generation, "there is nothing to go back to, and something has to answer"


def test_two_faults_in_a_hundred_calls_cost_no_place(policy: Policy) -> None:
    policy.swap(component("trapping"))
    for _ in range(3):
        policy.classify(failure())
        policy.classify(failure())
        # In the trial's words it behaves: these have answers.
        for _ in range(98):
            policy.decide(attempt())
    assert policy.identity.name == "trapping"


def test_others_run_while_a_policy_spins(policy: Policy) -> None:
    policy.swap(component("spinning"))
    over, runs = threading.Event(), 0

    def spin() -> None:
        policy.classify(failure())
        over.set()

    spinning = threading.Thread(target=spin)
    spinning.start()
    while not over.wait(0.001):
        runs += 1
    spinning.join()
    assert runs >= 5


def test_a_policy_that_spins_is_ended_whoever_else_asks(policy: Policy) -> None:
    """An engine has one clock: a question that is put meanwhile must not be taken for the one that spins."""
    policy.swap(component("spinning"))
    spinning = threading.Thread(target=policy.classify, args=(failure(),), daemon=True)
    spinning.start()
    for _ in range(50):
        assert policy.decide(attempt()) != GiveUp()
    spinning.join(60)
    assert not spinning.is_alive()


def test_a_deadline_is_about_processor_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that is busy with something else costs no policy its place."""
    clock = {"cpu": 0, "wall": 0}
    times = SimpleNamespace(
        thread_time_ns=lambda: clock["cpu"],
        monotonic_ns=lambda: clock["wall"],
        clock_gettime_ns=lambda _: clock["cpu"],
        sleep=time.sleep,
    )
    monkeypatch.setattr(_deadline, "time", times)
    monkeypatch.setattr(_deadline, "_CPU_CLOCK", lambda thread: thread)
    ticks: list[int] = []
    engine: Any = SimpleNamespace(increment_epoch=lambda: ticks.append(1))
    store: Any = SimpleNamespace(set_epoch_deadline=lambda _: None)
    deadline = _deadline.Deadline(engine, cpu=0.050, wall=10.0)
    deadline.begin(store)
    clock["wall"] = 9_000_000_000
    assert deadline.look()
    assert not ticks, "it has not had its time yet"
    clock["cpu"] = 50_000_000
    deadline.look()
    deadline.look()
    assert ticks == [1]
    assert deadline.expired
    deadline.end()
    assert not deadline.look()
    # The real time is a limit besides, and alone where nobody tells the other one.
    deadline.begin(store)
    clock["wall"] += 10_000_000_000
    deadline.look()
    assert ticks == [1, 1]
    monkeypatch.setattr(_deadline, "_CPU_CLOCK", None)
    deadline.begin(store)
    clock["wall"] += 50_000_000
    deadline.look()
    assert ticks == [1, 1, 1]
    deadline.end()


def test_the_watching_thread_ends_no_call_that_has_ended() -> None:
    engine = Engine()
    deadline = _deadline.Deadline(engine, cpu=0.0, wall=0.0)
    assert not deadline.look()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_child_of_a_fork_has_deadlines_too(policy: Policy) -> None:
    policy.swap(component("spinning"))
    child = os.fork()
    if child == 0:
        try:
            rule = policy.classify(failure()).rule
            os._exit(0 if rule == "host.policy-fault" else 1)
        finally:
            os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_a_listener_that_fails_costs_no_answer(caplog: pytest.LogCaptureFixture) -> None:
    def listener(_: Event) -> None:
        raise RuntimeError("the listener is not well")

    policy = Policy.load(on_event=listener)
    with caplog.at_level(logging.ERROR, logger="vehicle_connector"):
        assert policy.swap(component("behaving")).name == "behaving"
    assert "the listener is not well" in caplog.text
