"""What the tests of the gradient backends share."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """The machine is shared, and tiny tensors gain nothing from more."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def command(tmp_path: Path, command_server: Any) -> Any:
    """The command `hpo-bridge`, in a folder of the test's own."""
    return partial(command_server, cwd=tmp_path)


@pytest.fixture(scope="session")
def trainings() -> Any:
    """The module beside this one, with small trainings to differentiate."""
    name = "hypergradient_trainings"
    path = Path(__file__).with_name("trainings.py")
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module
