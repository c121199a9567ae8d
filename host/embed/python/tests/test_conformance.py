"""The vectors that all hosts of a policy are held to."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from conftest import DOCUMENT, ROOT, VECTORS, attempt, component, failure

from vehicle_connector import Attempt, Failure, LatchDecision, Other, Retry, conformance, forms


def test_the_default_policy_answers_here_as_everywhere(capsys: pytest.CaptureFixture[str]) -> None:
    assert conformance.main([str(VECTORS), str(DOCUMENT)]) == 0
    records, document = VECTORS.read_text().splitlines(), json.loads(DOCUMENT.read_text())
    assert len(records) >= 300
    asked = len(records) + len(document["decisions"]) + len(document["circuits"])
    assert f"0 of {asked} answers are different" in capsys.readouterr().err


def test_another_policy_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert conformance.main([str(VECTORS), "--policy", str(component("behaving"))]) == 1
    printed = capsys.readouterr()
    assert f"{VECTORS}:1: " in printed.out
    assert int(printed.err.split(": ")[1].split(" of ")[0]) > 100


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("attempt", "verdict", "rule"), "another-rule"),
        (("attempt", "verdict", "counts_against"), "satellite"),
        (("decision",), {"retry": 1}),
    ],
)
def test_one_difference_is_seen(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], path: tuple[str, ...], value: object
) -> None:
    record = json.loads(VECTORS.read_text().splitlines()[0])
    place = record
    for member in path[:-1]:
        place = place[member]
    place[path[-1]] = value
    vectors = tmp_path / "vectors.jsonl"
    vectors.write_text(json.dumps(record))
    assert conformance.main([str(vectors)]) == 1
    assert "1 of 1 answers are different" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "there are no vectors in it"),
        ("{", ":1: "),
        ('\n{"about": "failure"}', ":2: 'attempt'; each line is one object as `vehicle-connector audit --json`"),
    ],
)
def test_vectors_that_cannot_be_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str, words: str
) -> None:
    vectors = tmp_path / "vectors.jsonl"
    vectors.write_text(content)
    assert conformance.main([str(vectors)]) == 2
    assert words in capsys.readouterr().err


def test_a_policy_that_cannot_be_loaded(capsys: pytest.CaptureFixture[str]) -> None:
    assert conformance.main([str(VECTORS), "--policy", str(ROOT / "README.md")]) == 2
    assert "no WebAssembly component" in capsys.readouterr().err


def test_forms_lead_back() -> None:
    for line in VECTORS.read_text().splitlines():
        record = json.loads(line)
        if record["about"] == "failure":
            assert forms.encode(forms.decode(Attempt, record["attempt"])) == record["attempt"]
            decision = forms.decode_case("decision", record["decision"])
            assert forms.encode(decision, "decision") == record["decision"]
    assert forms.encode(LatchDecision(Other("fog")), "decision") == {"latch": "fog"}
    assert forms.decode_case("decision", {"other": "fog"}) == Other("fog")
    assert forms.decode_case("decision", {"retry": 7}) == Retry(7)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"http-status": 401}, "failure: http-status is unknown"),
        ({"message": None}, "failure.message: None is no text"),
        ({"http_status": 65_937}, "65937 is no u16"),
        ({"phase": "sign in"}, "failure.phase: 'sign in' is no phase"),
    ],
)
def test_a_form_that_is_none_names_the_place(change: dict[str, object], words: str) -> None:
    document = forms.encode(attempt())
    document["failure"] |= change
    with pytest.raises(ValueError, match=words):
        forms.decode(Attempt, document)


def test_what_is_missing_is_named_and_what_may_be_absent_is_not() -> None:
    document = forms.encode(failure())
    del document["code"]
    assert forms.decode(Failure, document) == failure()
    del document["cloud"], document["body"]
    with pytest.raises(ValueError, match="Failure: body, cloud is missing"):
        forms.decode(Failure, document)
