"""``hpo-bridge compare``: variants of a study on its own objective."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..analysis.comparing import Comparing, check_variants, run_budget
from ..analysis.comparison import Comparison
from ..analysis.paired_tests import require_scipy
from ..analysis.variants import Variant, checked_variants, variants_of
from ..config import StudyFile, load_study_file
from ..config.problems import Problems
from ..config.yaml_file import parse_yaml, read_text
from ..errors import ConfigError, HpoBridgeError, short
from ..study import open_study
from .exit_codes import INTERRUPTED, NO_TRIAL
from .key_values import key_values
from .printing import load_plugins, print_result, stdout_kept_for_json
from .run import terminable

COMMAS = re.compile(r",(?![^\[{]*[\]}])")
"""The commas between backends: not those within the brackets of an option's value."""


def compare_variants(
    paths: Sequence[Path], backends: str | None, variants: Path | None, *, seeds: int,
    trials: int | None, time: str | None, race: bool, runner: str | None, store: str | None,
    overrides: Sequence[str], target: Path | None, as_json: bool,
) -> int:  # fmt: skip
    """Compare, print the answer, and return the exit code."""
    require_scipy()
    with stdout_kept_for_json(as_json):
        changes = [*overrides, *([f"budget.time={time}"] if time is not None else [])]
        files = [
            load_study_file(
                path, plugins=load_plugins(), overrides=changes, runner=runner, store=store
            )
            for path in paths
        ]
        file = files[0]
        if trials is None and time is None:
            trials, seconds = file.trials, None if file.trials else file.seconds
        else:
            seconds = None if time is None else file.seconds
        budget = run_budget(trials, seconds)
        compared = _variants(files, backends, variants)
        check_variants(compared)
        with open_study(replace(file.config, observers=())) as study:
            comparing = Comparing(study, compared, budget, seeds, race=race, told=_say)
            try:
                with terminable():
                    comparing.run(file.objective, file.runner, file.runner_options)
            except KeyboardInterrupt:
                print("interrupted; everything is kept: compare again to go on", file=sys.stderr)
                return INTERRUPTED
            answer = comparing.answer()
            if target is not None:
                answer.plot().save(target)
                _say(f"written  {target}")
    print_result(answer.to_json(), str(answer), as_json)
    return NO_TRIAL if _is_empty(answer) else 0


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _is_empty(answer: Comparison) -> bool:
    return all(best is None for row in answer.figures["variants"] for best in row["best"])


def _variants(
    files: Sequence[StudyFile], backends: str | None, variants: Path | None
) -> tuple[Variant, ...]:
    given = [len(files) > 1, backends is not None, variants is not None]
    if sum(given) != 1:
        what = "nothing to compare" if not any(given) else "two things to compare"
        raise HpoBridgeError(
            f"found {what}, expected --backends A,B, --variants FILE, or several study files"
        )
    if len(files) > 1:
        return _of_files(files)
    if backends is not None:
        return variants_of(files[0].config, dict(_backends(backends)))
    assert variants is not None
    problems = Problems(variants.name)
    found = parse_yaml(read_text(variants, str(variants)), problems)
    problems.raise_any()
    if not isinstance(found, Mapping):
        raise ConfigError(f"{variants.name}: found {short(found)}, expected labels with settings")
    return variants_of(files[0].config, found)


def _of_files(files: Sequence[StudyFile]) -> tuple[Variant, ...]:
    first = files[0]
    for file in files[1:]:
        for what, one, other in (
            ("objective", first.objective.describe(), file.objective.describe()),
            ("direction", first.directions, file.directions),
        ):
            if one != other:
                raise ConfigError(
                    f"{file.path.name}: {what}: found {short(other)}, expected that of "
                    f"{first.path.name}: {short(one)}"
                )
    return checked_variants([Variant(file.name, file.config) for file in files])


def _backends(text: str) -> Iterator[tuple[str, Any]]:
    """Yield the label and the backend of each of ``A,B?key=value&key=value``."""
    for part in COMMAS.split(text):
        name, separator, options = part.strip().partition("?")
        if not name:
            raise ConfigError(f"--backends: found {short(text)}, expected names such as A,B")
        backend: dict[str, Any] = {"name": name}
        if separator:
            pairs = key_values("--backends", options.split("&"))
            backend["options"] = {
                key: parse_yaml(value, Problems(f"--backends: {name}: {key}"))
                for key, value in pairs
            }
        yield part.strip(), backend
