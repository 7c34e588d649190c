"""Scripts and study files of the examples, run within the tests' own process."""

from __future__ import annotations

import importlib.util
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from hpo_bridge.cli import main

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


@pytest.fixture
def load_script(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., ModuleType]]:
    """Import a script of an example by its path; the modules beside it are its own.

    Examples have modules of the same names, so that none of them may be or stay imported.
    """
    forget_modules()

    def load(example: str, name: str) -> ModuleType:
        monkeypatch.syspath_prepend(EXAMPLES / example)
        return script(example, name)

    yield load
    forget_modules()


def script(example: str, name: str) -> ModuleType:
    """Import a script of an example by its path, under a name of its own."""
    spec = importlib.util.spec_from_file_location(
        f"{example}_{name}", EXAMPLES / example / f"{name}.py"
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up there
    spec.loader.exec_module(module)
    return module


def forget_modules() -> None:
    """Remove the modules of all examples from those that are imported."""
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if file is not None and EXAMPLES in Path(file).parents:
            del sys.modules[name]


@pytest.fixture
def command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Any]:
    """Run `hpo-bridge … --json` as its entry point does, and return what it prints."""

    def run(*words: str) -> Any:
        monkeypatch.setattr(sys, "argv", ["hpo-bridge", *words, "--json"])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        shown = capsys.readouterr()
        assert not ended.value.code, shown.err
        return json.loads(shown.out)

    return run
