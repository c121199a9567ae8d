"""What the documents show works as it stands there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from conftest import ROOT

PAGES = [ROOT / "docs" / "embedding.md", ROOT / "host" / "embed" / "python" / "README.md"]
BLOCKS = [
    pytest.param(found[1], id=f"{page.name}-{number}")
    for page in PAGES
    for number, found in enumerate(re.finditer(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL))
]


def test_the_samples_are_found() -> None:
    assert len(BLOCKS) >= 3


@pytest.mark.parametrize("sample", BLOCKS)
def test_a_sample_runs(sample: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    exec(compile(sample, "sample", "exec"), {"__name__": "sample"})  # noqa: S102
