"""The checks that run in a process of their own: another hash seed, other imports, no traces."""

from __future__ import annotations

import importlib
import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..contracts.optimizer import Problem
from ..errors import short
from ..plugins import manager
from ..space import Space
from .outcomes import distance, mixed
from .runs import Run, plain
from .verdicts import Fault

LIMIT = 300
"""Seconds that a process may take."""
WIDTH, PENDING = 3, 2
"""How many suggestions :func:`sequence` asks for at once, and how many stay pending."""


def start(task: Mapping[str, Any], **environment: str) -> subprocess.Popen[str]:
    """Starts a process that does ``task``; :func:`finish` has its answer.

    Args:
        task: Plain data; see :func:`main`.
        environment: Variables that differ from this process's.
    """
    path = os.pathsep.join(p or os.curdir for p in sys.path)
    process = subprocess.Popen(
        [sys.executable, "-m", "hpo_bridge.testing.process", json.dumps(task)],
        env={**os.environ, "PYTHONPATH": path, **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    return process


def finish(process: subprocess.Popen[str]) -> Any:
    """Return the answer of a process.

    Raises:
        Fault: With its last words, if it failed.
    """
    try:
        out, err = process.communicate(timeout=LIMIT)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        raise Fault(f"a new process took more than {LIMIT} seconds") from None
    if process.returncode != 0:
        raise Fault(f"failed in a new process: {short((err.strip().splitlines() or ['?'])[-1])}")
    return json.loads(out.splitlines()[-1])


def in_new_process(task: Mapping[str, Any], **environment: str) -> Any:
    """Does ``task`` in a process of its own, and gives its answer."""
    return finish(start(task, **environment))


def sequence_task(
    factory: str,
    options: Mapping[str, Any],
    space: Space,
    seed: int,
    *,
    count: int,
    finite: bool,
    composite: bool = False,
) -> dict[str, Any]:
    """The task of :func:`sequence` as plain data."""
    module = sys.modules.get(factory.partition(":")[0])
    return {
        "do": "sequence",
        "factory": factory,
        "file": getattr(module, "__file__", None),
        "options": dict(options),
        "space": space.to_plain()["space"],
        "seed": seed,
        "count": count,
        "finite": finite,
        "composite": composite,
    }


def sequence(run: Run, count: int) -> list[str]:
    """The first suggestions of a run with all sorts of outcomes, some told late."""
    judge = mixed(distance(run.space))
    run.play(count, judge, width=WIDTH, keep=PENDING)
    return [plain(suggestion) for suggestion in run.points]


def _sequence(task: Mapping[str, Any]) -> list[str]:
    module, _, attribute = task["factory"].partition(":")
    factory = getattr(_module(module, task["file"]), attribute)
    space = Space.from_plain(task["space"])
    others = [manager()] if task["composite"] else []
    optimizer = factory(Problem(space, 1, task["seed"]), *others, **task["options"])
    return sequence(Run(optimizer, space, finite=task["finite"]), task["count"])


def _imports(task: Mapping[str, Any]) -> list[str]:
    importlib.import_module("hpo_bridge.plugins")
    before = set(sys.modules)
    _module(task["module"] or Path(task["file"]).stem, task["file"])
    return sorted({name.partition(".")[0] for name in set(sys.modules) - before})


def _module(name: str, file: str | None) -> Any:
    """A module by name, or from its file: a plugin that is no package has no place to look."""
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if file is None or error.name != name.partition(".")[0]:
            raise
    spec = importlib.util.spec_from_file_location(name, file)
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def main(arguments: Sequence[str]) -> None:
    """Does the task in the first argument, and prints its answer as one line of JSON."""
    task = json.loads(arguments[0])
    answer = {"sequence": _sequence, "imports": _imports}[task["do"]](task)
    print(json.dumps(answer))


if __name__ == "__main__":
    main(sys.argv[1:])
