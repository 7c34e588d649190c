from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

STUDY = """\
study: s
objective: objective.py:train
space:
  x: {type: float, low: -1.0, high: 1.0}
  kind: {type: categorical, choices: [a, b]}
  n: {type: int, low: 1, high: 3, when: {kind: b}}
backend: core.random
seed: 1
budget: {trials: 12}
"""
OBJECTIVE = """\
import os, time

def train(trial):
    print("noise from a trial")
    return trial["x"] ** 2 + (trial["kind"] == "a")

def two(trial):
    return {"loss": trial["x"] ** 2, "size": trial["x"]}

def fails(trial):
    raise ValueError("no luck")

def slow(trial):
    time.sleep(0.2)
    return trial["x"]

def hangs_at_five(trial):
    if trial.number == 5:
        time.sleep(600)
    return trial["x"]
"""


class Command:
    """Runs `hpo-bridge` in a folder with a study file and an objective."""

    def __init__(self, folder: Path, server: Any) -> None:
        self.folder, self.text, self.server = folder, STUDY, server
        self.write(STUDY)
        (folder / "objective.py").write_text(OBJECTIVE)

    def write(self, text: str) -> None:
        (self.folder / "study.yaml").write_text(text)

    def argv(self, *words: str) -> list[str]:
        return [sys.executable, "-m", "hpo_bridge", *words]

    def __call__(self, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
        done: subprocess.CompletedProcess[str]
        done = self.server(*words, cwd=self.folder, **environment)
        return done

    def start(self, *words: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            self.argv(*words), cwd=self.folder, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip


@pytest.fixture
def command(tmp_path, command_server):
    return Command(tmp_path, command_server)
