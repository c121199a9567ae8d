"""Decisions on record: the project's program reads them, and any policy can be asked the same."""

from __future__ import annotations

import json
import os
import subprocess
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from conftest import ROOT, VECTORS, attempt, component, failure

from vehicle_connector import Policy, RefreshReason, SessionView, conformance, records


def program() -> Path | None:
    """The project's program, if it is built."""
    named = os.environ.get("VEHICLE_CONNECTOR")
    built = ["release/vehicle-connector", "debug/vehicle-connector-under-test", "debug/vehicle-connector"]
    places = [Path(named)] if named else [ROOT / "target" / path for path in built]
    return next((place for place in places if place.exists()), None)


def circumstances(seq: int) -> records.Circumstances:
    at = datetime(2026, 11, 30, 21, 0, tzinfo=timezone(timedelta(hours=1)))
    return records.Circumstances(seq=seq, at=at, account="home", operation=f"op-{seq}", vehicle="ev6", done="refresh")


@pytest.fixture
def trail(policy: Policy, tmp_path: Path) -> Path:
    """A trail of two decisions of the default policy."""
    words = failure(message="Key not authorized: token has expired 🚗\n")
    asked = attempt(failure=words, verdict=policy.classify(words))
    session = SessionView(
        cloud="x",
        reason=RefreshReason.REFUSED,
        generation=7,
        failures=1,
        since_failure=10,
        refreshes_last_hour=0,
        random=5,
    )
    file = tmp_path / "decisions.jsonl"
    file.write_text(
        records.of_failure(policy.identity, asked, policy.decide(asked), circumstances(1))
        + records.of_refresh(policy.identity, session, policy.admit_refresh(session), circumstances(2)),
        encoding="utf-8",
    )
    return file


def test_a_record_has_the_members_of_the_audit_trail(trail: Path) -> None:
    vectors = {record["about"]: record for record in map(json.loads, VECTORS.read_text().splitlines())}
    for line in trail.read_text(encoding="utf-8").splitlines():
        record = json.loads(line)
        like = vectors[record["about"]]
        assert list(record) == list(like)
        assert list(record["policy"]) == list(like["policy"])
        assert record["at"] == "2026-11-30T20:00:00Z"


def test_what_was_decided_is_decided_again(trail: Path) -> None:
    assert conformance.main([str(trail)]) == 0
    assert conformance.main([str(trail), "--policy", str(component("other"))]) == 1


@pytest.mark.skipif(program() is None, reason="the program is not built: cargo build, or VEHICLE_CONNECTOR=…")
def test_the_program_replays_it(trail: Path) -> None:
    run = subprocess.run([str(program()), "policy", "replay", trail], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    assert "0 of 2 decisions would be different" in run.stderr


def test_a_time_without_a_zone_is_none() -> None:
    with pytest.raises(ValueError, match="has no zone"):
        records.Circumstances(seq=1, at=datetime(2026, 11, 30), account="home", operation="x")
