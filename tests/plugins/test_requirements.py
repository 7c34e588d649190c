"""What is missing, said once, with the one command that brings it: real metadata, some hidden."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib import metadata
from typing import Any

import pytest

from hpo_bridge.contracts.requirements import install_command, needs, unmet
from hpo_bridge.plugins import PluginManager

Site = Any
HIDES = """
import os
from importlib import metadata

hidden = os.environ["HIDDEN"].split(",")
found = metadata.Distribution.from_name.__func__


def from_name(cls, name):
    if name.lower() in hidden:
        raise metadata.PackageNotFoundError(name)
    return found(cls, name)


metadata.Distribution.from_name = classmethod(from_name)
"""


@pytest.fixture
def hide(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Hides installed distributions, as if nobody had installed them."""
    found = metadata.version

    def hidden(*names: str) -> None:
        def version(name: str) -> str:
            if name.lower() in names:
                raise metadata.PackageNotFoundError(name)
            return found(name)

        monkeypatch.setattr(metadata, "version", version)

    return hidden


@pytest.mark.parametrize(
    ("library", "extra"),
    [
        ("scikit-learn", "sklearn"), ("pandas", "pandas"), ("pyarrow", "parquet"),
        ("torch", "torch"), ("optuna", "optuna"), ("cmaes", "optuna"), ("ray", "ray"),
        ("scikit-optimize", "skopt"), ("matplotlib", "examples"), ("psycopg", "postgresql"),
        ("alembic", "mlflow"), ("hyperopt", "hyperopt"), ("deap", "deap"),
        ("tensorboardX", "tensorboard"), ("pytest", "testing"),
    ],
)  # fmt: skip
def test_the_extra_that_fits(hide: Any, library: str, extra: str) -> None:
    hide(library.lower())
    command = f'pip install "hpo-bridge[{extra}]"'
    assert install_command("hpo-bridge", [library]) == command
    assert needs(library) == f"needs {library}, which is not installed — {command}"


def test_every_plugin_of_ours_names_an_extra_that_is_enough(hide: Any) -> None:
    manager = PluginManager()
    kinds = ("backend", "runner", "pruner", "observer", "objective", "autodiff")
    specs = [offer.spec for kind in kinds for offer in manager.offers(kind)]  # type: ignore[arg-type]
    libraries = {metadata_name(text) for spec in specs for text in spec.requires}
    assert len(libraries) > 10
    hide(*libraries)
    for spec in specs:
        lacking = unmet(spec.requires, "hpo-bridge")
        if lacking is not None:
            assert lacking.requirements == spec.requires
            assert lacking.fix.count('"') == 2, lacking.fix  # extras of ours bring it all
            assert lacking.fix.startswith('pip install "hpo-bridge['), lacking.fix


def metadata_name(text: str) -> str:
    from packaging.requirements import Requirement

    return Requirement(text).name.lower()


@pytest.mark.parametrize(
    ("extras", "requires", "fix"),
    [
        # the one that brings least beside what is needed
        (("a; extra == 'demo'", "b; extra == 'demo'", "a; extra == 'walk'"), ["a"], "[walk]"),
        # of two that are alike, the one that brings more of it
        (("a; extra == 'x'", "b; extra == 'y'", "a; extra == 'z'", "b; extra == 'z'"),
         ["a", "b"], "[z]"),
        (("a; extra == 'x'", "b; extra == 'y'", "a; extra == 'z'", "b; extra == 'z'",
          "c; extra == 'z'"), ["a", "b"], "[x,y]"),
        # by its name, where nothing else tells them apart
        (("scikit-a; extra == 'examples'", "scikit-a; extra == 'ska'"), ["scikit-a"], "[ska]"),
        # through another extra of its own
        (("a; extra == 'base'", "hpo-acme[base]; extra == 'more'", "b; extra == 'more'"),
         ["b", "a"], "[more]"),
        (("a; extra == 'all'", "a; extra == 'dev'"), ["a"], ""),
        (("a; extra == 'w' and python_version < '3'",), ["a"], ""),
        (("b; extra == 'w'",), ["a"], ""),
    ],
)  # fmt: skip
def test_the_smallest_extras(
    site: Site, extras: tuple[str, ...], requires: list[str], fix: str
) -> None:
    site("hpo-acme", requires=extras)
    unknown = [f"hpo-none-{text}" for text in requires]
    info = next(site.folder.glob("hpo_acme-*.dist-info")) / "METADATA"
    text = info.read_text()
    for name in ("a", "b", "c", "scikit-a"):
        text = text.replace(f"Requires-Dist: {name};", f"Requires-Dist: hpo-none-{name};")
    info.write_text(text)
    expected = f'"hpo-acme{fix}"' if fix else " ".join(f'"{name}"' for name in unknown)
    assert install_command("hpo-acme", unknown, unknown) == f"pip install {expected}"


def test_an_extra_that_would_change_nothing_is_not_named(site: Site) -> None:
    site("hpo-acme", requires=("pluggy>=1; extra == 'walk'", "packaging>=9999; extra == 'pack'"))
    assert install_command("hpo-acme", ["pluggy>=9999"]) == 'pip install "pluggy>=9999"'
    assert install_command("hpo-acme", ["packaging>=999"]) == 'pip install "hpo-acme[pack]"'


def test_the_libraries_of_an_extra_are_required_too(site: Site) -> None:
    site(
        "hpo-zeta", requires=("nothing-of-that-name>=2; extra == 'fast'", "pluggy; extra == 'ok'")
    )
    assert unmet(("hpo-zeta",), None) is None
    assert unmet(("hpo-zeta[ok]",), None) is None
    assert str(unmet(("hpo-zeta[fast]>=1",), None)) == (
        "needs hpo-zeta[fast]>=1, of which nothing-of-that-name is not installed or does not fit "
        '— pip install "hpo-zeta[fast]>=1"'
    )


def test_a_plugin_without_its_library_is_unavailable(site: Site) -> None:
    (site.folder / "sitecustomize.py").write_text(HIDES)
    done = site.command("plugins", "--json", HIDDEN="hyperopt,ray,scikit-learn")
    rows = {row["name"]: row for row in json.loads(done.stdout)}
    for name, requirement in [
        ("hyperopt", "hyperopt>=0.3,<0.4"), ("ray", "ray[tune]>=2.50,<3"),
        ("sklearn", "scikit-learn>=1.6"),
    ]:  # fmt: skip
        assert rows[name]["status"] == "unavailable"
        assert rows[name]["reason"] == (
            f'needs {requirement}, which is not installed — pip install "hpo-bridge[{name}]"'
        )
    assert rows["core"]["status"] == "active"


def test_one_line_for_each_missing_library(site: Site) -> None:
    (site.folder / "sitecustomize.py").write_text(HIDES)
    done = site.command("backends", HIDDEN="optuna,torch")
    lines = [line for line in done.stdout.splitlines() if "pip install" in line]
    assert len(lines) == 2
    assert lines[0].startswith("optuna.bruteforce, optuna.cmaes, optuna.gp, ")
    assert lines[0].endswith(
        ': needs optuna>=5,<6, which is not installed — pip install "hpo-bridge[optuna]"'
    )
    assert lines[1] == (
        "torch.adam, torch.rprop, torch.sgd, torch.spsa: needs torch>=2.5, which is not installed "
        '— pip install "hpo-bridge[torch]"'
    )
    assert "optuna.tpe " not in done.stdout
    done = site.command("backends", "--json", HIDDEN="optuna,torch")
    rows = {row["name"]: row for row in json.loads(done.stdout)}
    assert rows["optuna.tpe"]["status"] == rows["torch.adam"]["status"] == "unavailable"
    assert rows["optuna.gp"]["reason"] == (
        "needs optuna>=5,<6, which is not installed, and torch, which is not installed — "
        'pip install "hpo-bridge[optuna,torch]"'
    )


@pytest.mark.parametrize(
    ("package", "name", "library", "distribution", "requirement", "extra"),
    [
        ("hpo_bridge_sklearn", "BridgeSearchCV", "sklearn", "scikit-learn", "scikit-learn>=1.6",
         "sklearn"),
        ("hpo_bridge_sklearn", "cross_validated", "sklearn", "scikit-learn", "scikit-learn>=1.6",
         "sklearn"),
        ("hpo_bridge_torch", "Bilevel", "torch", "torch", "torch>=2.5", "torch"),
        ("hpo_bridge_torch", "AdamW", "torch", "torch", "torch>=2.5", "torch"),
    ],
)  # fmt: skip
def test_a_public_name_without_its_library(
    site: Site, package: str, name: str, library: str, distribution: str, requirement: str,
    extra: str,
) -> None:  # fmt: skip
    (site.folder / "sitecustomize.py").write_text(HIDES)
    done = subprocess.run(
        [sys.executable, "-c",
         f"import sys; sys.modules[{library!r}] = None; from {package} import {name}"],
        capture_output=True, text=True, timeout=120, env={**os.environ, "HIDDEN": distribution},
    )  # fmt: skip
    assert done.stderr.splitlines()[-1] == (
        f"ModuleNotFoundError: {package}.{name} needs {requirement}, which is not installed — "
        f'pip install "hpo-bridge[{extra}]"'
    )
