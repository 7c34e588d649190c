"""``hpo-bridge init --plugin``: a distribution with a backend that passes the kit, to change."""

from __future__ import annotations

import importlib.util
import keyword
import re
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from shlex import quote

from ..errors import ConfigError

PREFIXES = ("hpo-bridge-", "hpo-")
"""What a distribution's name may begin with and its backends' names do without."""
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9]*([-_.][A-Za-z0-9]+)*")

PYPROJECT = """\
[build-system]
requires = ["hatchling>=1.25"]
build-backend = "hatchling.build"

[project]
name = "{distribution}"
version = "0.1.0"
description = "{backend}, a backend of hpo_bridge"  # CHANGE
readme = "README.md"
requires-python = ">=3.11"
dependencies = ["hpo-bridge>=0.1"]  # CHANGE: the library that you wrap, such as "acme>=2,<3"

[project.optional-dependencies]
test = ["hpo-bridge[testing]"]

[project.entry-points.hpo_bridge]
{entry} = "{module}"
"""
MODULE = '''\
"""{backend}, a backend of hpo_bridge.

CHANGE: what it is, where it comes from, and what surprises about the library that you wrap.
"""

import math
import random
from collections.abc import Sequence

from hpo_bridge import BackendSpec, Capability, Observation, Problem, Suggestion, hookimpl
from hpo_bridge.contracts.optimizer import Translation
from hpo_bridge.contracts.options import number


@hookimpl
def hpo_register_backends() -> BackendSpec:
    """Data only: a heavy library is imported in the class, where it is used."""
    return BackendSpec(
        name="{backend}",  # CHANGE: library.algorithm
        technique="evolutionary",  # CHANGE: bayesian, random, genetic, annealing …
        factory="{module}:Climb",
        requires=(),  # CHANGE: the library that you wrap, such as ("acme>=2,<3",)
        capabilities=frozenset({{Capability.INJECT, Capability.VECTOR}}),
        summary="Steps from the best point so far",  # CHANGE
    )


class Climb:
    """A (1+1) evolution strategy: random steps from the best point so far, in the unit cube.

    CHANGE: build your optimizer here. ``problem.space`` has floats, ints and indices of choices
    in a fixed order; ``decode`` and ``encode`` translate from and to numbers in [0, 1], with
    scales, steps and choices honoured. All randomness comes from ``problem.seed``.

    Args:
        problem: What is to be optimised.
        step: The standard deviation of a step, as a share of each parameter's range.
    """

    def __init__(self, problem: Problem, *, step: float = 0.15) -> None:
        self._space = problem.space
        self._random = random.Random(problem.seed)
        self._step = number("step", step, above=0, most=1)
        self._best: list[float] | None = None
        self._least = math.inf

    def ask(self, n: int) -> Sequence[Suggestion]:
        """Up to ``n`` new points, though results of earlier ones may still be out."""
        # CHANGE: what your library proposes. A token comes back with the result: a number or
        # a text by which you find your library's own object again.
        return [Suggestion(self._space.decode(self._point()), token=0) for _ in range(n)]

    def _point(self) -> list[float]:
        if self._best is None:
            return [self._random.random() for _ in range(self._space.dimension)]
        return [self._near(place) for place in self._best]

    def _near(self, place: float) -> float:
        if self._random.random() < 0.1:  # now and then anywhere, so that every choice is near
            return self._random.random()
        return min(1.0, max(0.0, self._random.gauss(place, self._step)))

    def tell(self, observations: Sequence[Observation]) -> None:
        """Results in any order. Losses are finite, and smaller is better."""
        for seen in observations:
            if seen.losses is None:  # failed, pruned or infeasible
                continue  # CHANGE: what that means to your library
            if seen.losses[0] < self._least:
                self._best, self._least = self._space.encode(seen.params), seen.losses[0]

    def explain(self) -> Sequence[Translation]:
        """What `hpo-bridge explain` says of each parameter; leave it out, and it says native."""
        return [Translation(name, "encoded", "a number in [0, 1]") for name in self._space]
'''
TEST = """\
from hpo_bridge.testing import BackendConformance


class TestClimb(BackendConformance):
    backend = "{backend}"
"""
README = """\
# {distribution}

`{backend}`: a backend of hpo_bridge. CHANGE: what it is good for.

```sh
pip install -e ".[test]"
hpo-bridge backends              # lists {backend}
hpo-bridge check {backend}
pytest
```

In a study file:

```yaml
backend: {{name: {backend}, options: {{step: 0.1}}}}
```
"""


@dataclass(frozen=True, slots=True)
class Names:
    """What a plugin's parts are called.

    Attributes:
        distribution: What ``pip install`` takes.
        module: What ``import`` takes.
        backend: What a study file takes.
    """

    distribution: str
    module: str
    backend: str

    @classmethod
    def of(cls, name: str) -> Names:
        """All names that follow from a distribution's.

        Raises:
            ConfigError: If it is no name of a distribution and of a module, or is taken.

        Example:
            >>> Names.of("hpo-acme")
            Names(distribution='hpo-acme', module='hpo_acme', backend='acme.climb')
        """
        plain = re.sub(r"[-_.]+", "-", name).lower()
        module = plain.replace("-", "_")
        if not _NAME.fullmatch(name) or keyword.iskeyword(module):
            raise ConfigError(
                f"--plugin: {name!r} is no name of a distribution and a module: expected "
                "letters, digits and single hyphens, a letter first, such as hpo-acme"
            )
        _check_free(plain, module)
        short = next((plain.removeprefix(p) for p in PREFIXES if plain.startswith(p)), plain)
        short = short if short[:1].isalpha() else plain
        return cls(plain, module, f"{short}.climb")


def _check_free(distribution: str, module: str) -> None:
    spec = importlib.util.find_spec(module)
    if spec is not None and spec.origin is not None:  # else a folder that is no package
        raise ConfigError(
            f"--plugin: a module {module!r} is there already ({spec.origin}): choose another name"
        )
    try:
        metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return
    raise ConfigError(
        f"--plugin: a distribution {distribution!r} is installed already: choose another name"
    )


def write_plugin(name: str, folder: Path | None) -> None:
    """Writes a distribution with one backend, and says what to do next.

    Args:
        name: The distribution's name.
        folder: Where to; by default a new folder of that name.

    Raises:
        ConfigError: If the name cannot be used, or the folder is not empty.
    """
    names = Names.of(name)
    folder = Path(names.distribution) if folder is None else folder
    files = {
        "pyproject.toml": PYPROJECT,
        f"{names.module}.py": MODULE,
        "tests/test_conformance.py": TEST,
        "README.md": README,
    }
    fields = {
        "distribution": names.distribution,
        "module": names.module,
        "backend": names.backend,
        "entry": names.backend.partition(".")[0],
    }
    try:
        if folder.exists() and any(folder.iterdir()):
            raise ConfigError(f"{folder}: is not empty; nothing was written")
        for path, text in files.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(text.format(**fields), encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{folder}: cannot be written: {error.strerror}") from None
    print(f"wrote {', '.join(str(folder / path) for path in files)}")
    print(f"next: pip install -e {quote(str(folder))} && hpo-bridge check {names.backend}")
