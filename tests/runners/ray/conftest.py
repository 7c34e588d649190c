"""One Ray for all tests of this folder that run in this process."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest
from hpo_bridge_ray.cluster import connected
from hpo_bridge_ray.runner import Ray


@pytest.fixture(scope="session")
def ray_here() -> Iterator[Any]:
    """Two CPUs; what runs there is as urgent as the other tests that run beside."""
    os.environ["RAY_worker_niceness"] = "0"  # noqa: SIM112  (Ray reads it so)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import ray
    with connected("local", None, num_cpus=2):
        yield ray


@pytest.fixture
def runner(ray_here: Any) -> Callable[..., Ray]:
    """Makes runners on that Ray."""
    return partial(Ray, workers=2)
