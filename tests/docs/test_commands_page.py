"""The page about programs as objectives: every example runs as it stands."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

PAGE = Path(__file__).resolve().parents[2] / "docs" / "commands.md"
BLOCK = re.compile(r"```(python|yaml)\n(.*?)```", re.DOTALL)


def examples() -> dict[str, tuple[str, str]]:
    """Study name to the program before it on the page, and the study file."""
    found, program = {}, ""
    for language, text in BLOCK.findall(PAGE.read_text(encoding="utf-8")):
        if language == "python":
            program = text
        else:
            found[text.split()[1]] = (program, text)
    return found


@pytest.mark.parametrize("name", examples())
def test_the_examples_run(name, tmp_path, command_server):
    program, study = examples()[name]
    (tmp_path / "train.py").write_text(program)
    (tmp_path / "study.yaml").write_text(study)

    def command(*words):
        done = command_server(*words, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    counts = command("run", "study.yaml", "--json")["counts"]
    assert set(state for state, n in counts.items() if n) == {"COMPLETE"}
    reports = [len(trial["reports"]) for trial in command("trials", "study.yaml", "--json")]
    assert set(reports) == {0 if name == "patterns" else 3}
    if name == "shell":
        assert {path.name for path in (tmp_path / "logs").iterdir()} == {"0.txt", "1.txt"}
