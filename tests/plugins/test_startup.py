"""Starting up loads none of the heavy libraries."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

HEAVY = ("numpy", "sqlalchemy", "torch", "ray", "optuna", "pandas", "scipy")
REPORT = (
    "import sys; "
    f"print(' '.join(sorted(set({HEAVY!r}) & {{name.partition('.')[0] for name in sys.modules}})))"
)


def python(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=150, check=False
    )


@pytest.mark.parametrize(
    "code",
    [
        "import hpo_bridge",
        "import hpo_bridge; hpo_bridge.Space(x=hpo_bridge.Float(0, 1), constraints=['x < 1'])",
        "from hpo_bridge.plugins import manager; assert manager().offers('backend')",
        "import hpo_bridge as h\n"
        "s = h.Study(h.Space(x=h.Float(0, 1))); s.optimize(lambda t: t['x'], trials=3)",
        "import hpo_bridge_optuna",
    ],
)
def test_what_is_imported(code: str) -> None:
    done = python(f"{code}\n{REPORT}")
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == []


@pytest.mark.parametrize("arguments", [["--help"], ["backends"], ["plugins", "--json"]])
def test_what_the_command_imports(arguments: list[str]) -> None:
    code = (
        f"import atexit, runpy, sys\nsys.argv = ['hpo-bridge', *{arguments!r}]\n"
        "def report():\n"
        f"    loaded = set({HEAVY!r}) & {{name.partition('.')[0] for name in sys.modules}}\n"
        "    print('loaded:', *sorted(loaded), file=sys.stderr)\n"
        "atexit.register(report)\n"
        "runpy.run_module('hpo_bridge', run_name='__main__')"
    )
    done = python(code)
    assert done.returncode == 0, done.stderr
    assert done.stdout
    assert done.stderr.strip() == "loaded:"


@pytest.mark.parametrize("arguments", [["--help"], ["backends"], ["plugins"]])
def test_no_implementation_is_imported(site: Any, arguments: list[str]) -> None:
    heavy = "from pathlib import Path\nPath(__file__).with_suffix('.imported').touch()\n"
    for name in ("acme", "zeta"):
        site(f"hpo-{name}", site.good.replace("{module}:Walk", f"{name}_heavy:Walk"))
        (site.folder / f"{name}_heavy.py").write_text(heavy + "def Walk(problem): pass")
    done = site.command(*arguments)
    assert done.returncode == 0, done.stderr
    assert ("hpo_acme" in done.stdout) == (arguments != ["--help"])
    assert list(site.folder.glob("*.imported")) == []
    site.command("check", "hpo_acme.walk", "--trials", "4", "--startup", "1")
    assert [path.stem for path in site.folder.glob("*.imported")] == ["acme_heavy"]


@pytest.mark.parametrize("command", ["status", "best"])
def test_a_look_at_a_stored_study_loads_nothing_that_drives_one(
    tmp_path: Any, command: str
) -> None:
    made = (
        "import hpo_bridge as h\n"
        f"s = h.Study(h.Space(x=h.Float(0, 1)), store='sqlite:///{tmp_path}/s.db', name='s')\n"
        "s.optimize(lambda t: t['x'], trials=3)"
    )
    code = (
        "import runpy, sys\n"
        f"sys.argv = ['hpo-bridge', {command!r}, '--store', {str(tmp_path / 's.db')!r}]\n"
        "try:\n    runpy.run_module('hpo_bridge', run_name='__main__')\n"
        "finally:\n    driving = ('hpo_bridge.study', 'hpo_bridge.config.study_config')\n"
        "    print('loaded:', *set(driving) & set(sys.modules), file=sys.stderr)"
    )
    assert python(made).returncode == 0
    done = python(code)
    assert done.returncode == 0, done.stderr
    assert "3 complete" in done.stdout
    assert done.stderr.strip() == "loaded:"
