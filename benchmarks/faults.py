"""Sixty faults of one line each, and the tests that must notice them.

    python benchmarks/faults.py                 all of them, each with the tests named for it
    python benchmarks/faults.py --only sign     those with "sign" in their name
    python benchmarks/faults.py --list          their names

Each fault of ``faults.toml`` replaces a text that occurs once in ``hpo_bridge``, ``adapters`` or
``plugins`` of a copy of the repository; its tests run there until the first one fails, and that
one must pass without the fault. A fault that no test notices, or whose text is gone, ends the
script with exit code 1. It uses the environment that it runs in.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SOURCES = ("hpo_bridge", "adapters", "plugins")
LIMIT = 900
"""Seconds for the tests of one fault; a hang counts as noticed."""


@dataclass(frozen=True)
class Fault:
    """A fault of one line.

    Attributes:
        name: The name, with what it breaks.
        right: The text in the source, once.
        wrong: The text that takes its place.
        tests: The files or folders of tests that must notice.
    """

    name: str
    right: str
    wrong: str
    tests: str


def read_faults() -> list[Fault]:
    """Return the faults of ``faults.toml``."""
    text = Path(__file__).with_suffix(".toml").read_text(encoding="utf-8")
    return [Fault(**each) for each in tomllib.loads(text)["fault"]]


def copy_of_repository(folder: Path) -> Path:
    """Copy the files that git knows, and new ones that it does not ignore, to a folder."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, check=True).stdout
    for name in filter(None, listed.decode().split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    return folder


def place_of(fault: Fault, folder: Path) -> Path:
    """Return the only source file that holds the fault's text.

    Raises:
        LookupError: If none does, or it is there more than once.
    """
    found = [
        path
        for source in SOURCES
        for path in (folder / source).rglob("*.py")
        for _ in range(path.read_text(encoding="utf-8").count(fault.right))
    ]
    if len(found) != 1:
        raise LookupError(f"its text occurs {len(found)} times, expected once")
    return found[0]


def run_tests(tests: Sequence[str], folder: Path) -> str | None:
    """Return the first test that fails, or ``None``."""
    environment = {
        **os.environ,
        "OMP_NUM_THREADS": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONPATH": os.pathsep.join(str(folder / part) for part in (".", *SOURCES[1:])),
    }
    command = [sys.executable, "-m", "pytest", "-q", "-x", "--no-header", "-p", "no:cacheprovider"]
    try:
        done = subprocess.run(
            [*command, "-m", "not dear", *tests],
            cwd=folder, env=environment, capture_output=True, text=True, timeout=LIMIT,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return "no end"
    if done.returncode == 0:
        return None
    found = re.search(r"^(?:FAILED|ERROR) (\S.*?)(?: - |$)", done.stdout, re.MULTILINE)
    if found is None:
        raise RuntimeError(f"pytest ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return found[1]


def noticed_by(fault: Fault, folder: Path) -> str:
    """Return the first test that notices the fault.

    Raises:
        LookupError: If none does, or that test fails without the fault, too.
    """
    path = place_of(fault, folder)
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace(fault.right, fault.wrong), encoding="utf-8")
    try:
        noticed = run_tests(fault.tests.split(), folder)
    finally:
        path.write_text(text, encoding="utf-8")
    if noticed is None:
        raise LookupError("no test fails")
    if noticed.startswith("tests/") and run_tests([noticed], folder) is not None:
        raise LookupError(f"{noticed} fails without it, too")
    return noticed


def main() -> None:
    """Try each fault, and print the test that notices it."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--only", default="", help="a part of the names of those to try")
    parser.add_argument("--list", action="store_true", help="list the names")
    arguments = parser.parse_args()
    chosen = [fault for fault in read_faults() if arguments.only in fault.name]
    if arguments.list:
        print(*(fault.name for fault in chosen), sep="\n")
        return
    missed = 0
    with tempfile.TemporaryDirectory() as folder:
        copy = copy_of_repository(Path(folder))
        for fault in chosen:
            began = time.monotonic()
            try:
                result = noticed_by(fault, copy)
            except LookupError as problem:
                result, missed = f"NOT NOTICED: {problem}", missed + 1
            seconds = time.monotonic() - began
            print(f"{fault.name}: {result} ({seconds:.0f} s)", flush=True)
    print(f"{len(chosen) - missed} of {len(chosen)} noticed")
    sys.exit(missed > 0)


if __name__ == "__main__":
    main()
