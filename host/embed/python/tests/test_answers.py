"""Questions and answers: every field gets in, every case comes out."""

from __future__ import annotations

import asyncio
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from conftest import VECTORS, attempt, component, failure

from vehicle_connector import (
    Certainty,
    CircuitScope,
    Confirm,
    Confirmation,
    Event,
    FailureKind,
    Latch,
    LatchDecision,
    Limits,
    Other,
    Phase,
    Policy,
    RefreshAndRetry,
    Verdict,
    forms,
)


def test_an_expired_token_is_refreshed(policy: Policy) -> None:
    verdict = policy.classify(failure())
    assert verdict == Verdict(kind=FailureKind.TOKEN_EXPIRED, rule="expired")
    assert policy.decide(attempt(verdict=verdict)) == RefreshAndRetry()


def test_an_unlock_of_unknown_outcome_is_asked_about(policy: Policy) -> None:
    lost = failure(certainty=Certainty.AMBIGUOUS, http_status=None, message="no answer in time")
    match policy.decide(attempt(failure=lost, verdict=policy.classify(lost))):
        case Confirm(Confirmation(after=after, within=None)):
            assert after == 5_000
        case other:
            raise AssertionError(other)


def test_a_refused_grant_latches(policy: Policy) -> None:
    refused = failure(phase=Phase.REFRESH, http_status=400, oauth_error="invalid_grant", message="")
    decision = policy.decide(attempt(failure=refused, verdict=policy.classify(refused)))
    assert decision == LatchDecision(Latch.AUTH_REQUIRED)


def test_names_that_this_version_does_not_know_arrive(policy: Policy, events: list[Event]) -> None:
    policy.swap(component("other"))
    verdict = policy.classify(failure())
    assert verdict.kind == Other("sunspots")
    # Cut as the host of the project does it: to 128 bytes, the mark included.
    assert verdict.rule == "r" * 125 + "…"
    assert policy.decide(attempt(verdict=verdict)) == Other("ask-the-neighbours")
    assert forms.encode(verdict)["kind"] == "sunspots"
    assert len(events) == 1, "and none of it is a fault"


def test_every_name_of_the_interface_gets_in(policy: Policy) -> None:
    kinds = [*FailureKind, Other("sunspots")]
    scopes = [*CircuitScope, Other("satellite"), None]
    for kind in kinds:
        for scope in scopes:
            asked = attempt(verdict=Verdict(kind=kind, rule="any", counts_against=scope))
            assert (policy.decide(asked) == RefreshAndRetry()) == (kind == FailureKind.TOKEN_EXPIRED)
    assert policy.circuit(CircuitScope.CLOUD).failure_ratio == 0.5
    assert policy.circuit(Other("satellite")).consecutive_failures == 5


def test_a_long_message_is_cut_and_answered(policy: Policy, events: list[Event]) -> None:
    page = failure(message="🚗" * 3_000_000, http_status=503)
    verdict = policy.classify(page)
    assert verdict.rule == "http-5xx"
    assert policy.decide(attempt(failure=page, verdict=verdict)) is not None
    # What is told apart lies before the cut.
    assert policy.classify(failure(message="token has expired" + " " * 4_000)).kind == FailureKind.TOKEN_EXPIRED
    assert events == []


def test_a_message_with_zero_bytes_is_whole(policy: Policy) -> None:
    assert policy.classify(failure(http_status=None, message="\0token\0has\0expired")).rule == "expired"


def test_all_threads_get_the_answers_of_one() -> None:
    """Two threads in one instance would end it: 11,992 of 12,000 calls had no answer then."""
    policy = Policy.load(limits=Limits(calls_per_instance=50))
    attempts = [json.loads(line).get("attempt") for line in VECTORS.read_text().splitlines()[:120]]
    asked = [forms.decode(type(attempt()), one) for one in attempts if one]
    expected = [one.verdict for one in asked]
    ready = threading.Barrier(8)

    def answers(_: int) -> list[Verdict]:
        ready.wait()
        return [policy.classify(one.failure) for one in asked]

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(answers, range(8))) == [expected] * 8


def test_an_event_loop_may_ask(policy: Policy) -> None:
    async def ask() -> list[Verdict]:
        loaded = await asyncio.to_thread(Policy.load)
        classified = (asyncio.to_thread(loaded.classify, failure()) for _ in range(20))
        return [policy.classify(failure()), *await asyncio.gather(*classified)]

    answers = asyncio.run(ask())
    assert answers == [answers[0]] * 21


def test_an_instance_that_is_used_up_costs_no_answer(events: list[Event]) -> None:
    """Components of this kind give no memory back: 8 MiB end after some thousand calls."""
    policy = Policy.load(limits=Limits(memory=1 << 21, calls_per_instance=1 << 30), on_event=events.append)
    asked = failure(message="token has expired " * 100)
    for _ in range(2_000):
        assert policy.classify(asked).kind == FailureKind.TOKEN_EXPIRED
    assert events == []


def test_each_call_has_a_fresh_instance_unless_it_is_known_not_to_matter() -> None:
    path = component("remembering")
    policy = Policy.load(path)
    assert [policy.classify(failure()).kind for _ in range(3)] == [FailureKind.UNKNOWN] * 3
    policy = Policy.load(path, limits=Limits(calls_per_instance=2))
    assert FailureKind.BUSY in [policy.classify(failure()).kind for _ in range(4)]
    assert Policy.load().active._guest._limits.calls_per_instance > 1


def test_a_record_of_one_question_is_that_of_another_with_changes(policy: Policy) -> None:
    first = failure(http_status=401, message="Key not authorized", token_age=1_000)
    assert policy.classify(first).rule == "bare-401-fresh"
    assert policy.classify(replace(first, token_age=None)).rule == "bare-401"
