"""The progress in a notebook: one output of the cell."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

RUN = """
import sys
import nbformat
from nbclient import NotebookClient
cells = [nbformat.v4.new_code_cell(text) for text in sys.argv[1:]]
notebook = nbformat.v4.new_notebook(cells=cells)
NotebookClient(notebook, timeout=150, kernel_name="python3").execute()
nbformat.write(notebook, "ran.ipynb")
"""
CELL = """
import time
import hpo_bridge as hpo

def objective(trial):
    if trial.number == 500:
        time.sleep(2)
        print("printed")
    return trial["<script>"]

study = hpo.Study({"<script>": hpo.Float(0, 1)}, seed=1, name="<script>demo")
study.optimize(objective, trials=1000)
"""


@pytest.fixture
def notebook(tmp_path: Path) -> Any:
    """Runs cells, and gives their outputs."""
    nbformat = pytest.importorskip("nbformat")
    pytest.importorskip("nbclient")

    def run(*cells: str) -> list[list[Any]]:
        argv = [sys.executable, "-W", "ignore", "-c", RUN, *cells]
        done = subprocess.run(argv, cwd=tmp_path, capture_output=True, text=True, timeout=170)
        assert done.returncode == 0, done.stderr
        read = nbformat.read(tmp_path / "ran.ipynb", as_version=4)
        return [cell.outputs for cell in read.cells]

    return run


def test_one_output_is_updated_and_sums_up(notebook: Any) -> None:
    first, second, third = notebook(
        CELL, "study.optimize(objective, trials=1001, progress=False)", "study"
    )
    shown = [output for output in first if output.output_type == "display_data"]
    assert len(shown) == 1
    text = shown[0].data["text/plain"]
    assert text.startswith("<script>demo: 1000/1000 · best value ")
    assert len(text.splitlines()) == 1
    html = shown[0].data["text/html"]
    assert html.startswith("<pre>&lt;script&gt;demo")
    assert "<script>" not in html
    (stream,) = [output for output in first if output.output_type == "stream"]
    assert (stream.name, stream.text) == ("stdout", "printed\n")
    assert second == []
    html = third[0].data["text/html"]
    assert "1001 complete" in html
    assert "<script>" not in html


def test_an_error_and_nested_studies(notebook: Any) -> None:
    nested = (
        CELL
        + """
def outer(trial):
    inner = hpo.Study({"x": hpo.Float(0, 1)}, seed=1, name="inner")
    inner.optimize(lambda t: t["x"], trials=5)
    if trial.number == 3:
        raise KeyboardInterrupt
    return inner.best.value

try:
    hpo.Study({"y": hpo.Float(0, 1)}, name="outer").optimize(outer, trials=10)
except KeyboardInterrupt:
    pass
"""
    )
    (outputs,) = notebook(nested.replace("study.optimize(objective, trials=1000)", ""))
    assert [output.output_type for output in outputs] == ["display_data"]
    assert outputs[0].data["text/plain"].startswith("outer: 3/10 · best value ")
