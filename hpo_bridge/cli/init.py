"""``hpo-bridge init``: a study that runs, to change into one's own."""

from __future__ import annotations

from pathlib import Path

from ..errors import ConfigError

STUDY = """\
study: first
objective: objective.py:train        # this file's folder is where it is looked for
direction: minimize
space:
  x:       {type: float, low: -5.0, high: 5.0}
  scale:   {type: float, low: 1.0e-3, high: 10.0, log: true}
  shape:   {type: categorical, choices: [round, square]}
  corners: {type: int, low: 3, high: 9, when: {shape: square}}
backend: core.random                 # see: hpo-bridge backends
seed: 0
budget: {trials: 50}
runner: inline                       # or {name: processes, workers: 2, trial_timeout: 5m}
"""
OBJECTIVE = '''\
"""What the study measures: replace it with your training."""


def train(trial):
    """The trial is a mapping of its active parameters; return a number."""
    loss = (trial["x"] - 1) ** 2 + abs(trial["scale"] - 0.1)
    if trial["shape"] == "square":
        loss += 1 / trial["corners"]
    return loss
'''


def write_template(folder: Path) -> None:
    """Writes ``study.yaml`` and ``objective.py``, and says what to do next.

    Raises:
        ConfigError: If one of them is there already, or the folder cannot be written.
    """
    files = {"study.yaml": STUDY, "objective.py": OBJECTIVE}
    for name in files:
        if (folder / name).exists():
            raise ConfigError(f"{folder / name}: is there already; nothing was written")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            (folder / name).write_text(text, encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{folder}: cannot be written: {error.strerror}") from None
    print(f"wrote {folder / 'study.yaml'} and {folder / 'objective.py'}")
    print(f"next: hpo-bridge run {folder / 'study.yaml'}")
