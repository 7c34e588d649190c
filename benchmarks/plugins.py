"""How long the command takes with 50 plugins installed, and what of them it imports.

Each plugin is a distribution as pip leaves it, in a temporary folder on the path: a module with
the hooks, another one with the implementation, which takes note of being imported, and metadata
with a README of some length. Every fourth requires a library.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from figures import show

PLUGINS, ROUNDS = 50, 9
HOOKS = """
from hpo_bridge import BackendSpec, hookimpl

@hookimpl
def hpo_register_backends():
    return BackendSpec(
        name="{name}.walk", technique="random", factory="{module}.walk:Walk",
        requires=({requires}), summary="A backend of a plugin",
    )
"""
IMPLEMENTATION = """
from pathlib import Path

Path(__file__).with_suffix(".imported").touch()

class Walk:
    def __init__(self, problem): ...
"""


def install(folder: Path, number: int) -> None:
    """One distribution, as pip would leave it."""
    name, module = f"acme{number:02}", f"hpo_acme{number:02}"
    package, info = folder / module, folder / f"{module}-1.{number}.dist-info"
    package.mkdir()
    info.mkdir()
    requires = "'pluggy>=1'," if number % 4 == 0 else ""
    (package / "__init__.py").write_text(HOOKS.format(name=name, module=module, requires=requires))
    (package / "walk.py").write_text(IMPLEMENTATION)
    head = f"Metadata-Version: 2.1\nName: hpo-acme{number:02}\nVersion: 1.{number}\n"
    (info / "METADATA").write_text(f"{head}Requires-Dist: hpo-bridge\n\n" + "A word.\n" * 500)
    (info / "entry_points.txt").write_text(f"[hpo_bridge]\n{name} = {module}\n")
    (info / "RECORD").write_text("".join(f"{module}/{file}.py,,\n" for file in "abcdefgh"))


def seconds(command: str, folder: Path | None) -> float:
    """Median wall seconds of a whole command, with the plugins of a folder."""
    times = []
    path = {} if folder is None else {"PYTHONPATH": str(folder)}
    for _ in range(ROUNDS):
        begin = time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-m", "hpo_bridge", command],
            check=True, capture_output=True, text=True, env={**os.environ, **path},
        )  # fmt: skip
        times.append(time.perf_counter() - begin)
        if folder is not None and done.stdout.count("active") < PLUGINS:
            raise SystemExit(f"not all plugins are active:\n{done.stdout}")
    return statistics.median(times)


def main() -> bool:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for number in range(PLUGINS):
            install(folder, number)
        seconds("backends", folder)  # compiles the modules
        alone = seconds("backends", None)
        backends, plugins = seconds("backends", folder), seconds("plugins", folder)
        imported = len(list(folder.rglob("*.imported")))
    show("hpo-bridge backends, none but ours", alone, "s", "", True)
    return all(
        [
            show(f"the same with {PLUGINS} more", backends, "s", "under 0.5", backends < 0.5),
            show(f"hpo-bridge plugins, {PLUGINS} more", plugins, "s", "under 0.5", plugins < 0.5),
            show("implementations imported", imported, "", "0", imported == 0),
        ]
    )


if __name__ == "__main__":
    sys.exit(not main())
