"""Score the best trial of a study on the test images, once.

    hpo-bridge best tpe.yaml --json | python evaluate.py [--seeds N]

The only place of this example that reads the test images. It trains the best configuration again,
on the study's training images alone: the validation images chose it and stay out of it.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, stdev
from typing import Any

from cnn import Config, error, fit
from fashion_mnist import Images, load_test, load_train_validation


@dataclass(frozen=True)
class Best:
    """The best trial of a study, as `hpo-bridge best --json` gives it; its measure by name."""

    study: str
    number: int
    measure: str
    value: float
    config: Config
    train_images: int | None
    validation_images: int | None


def parse_best(text: str) -> Best:
    """Read the JSON of a best trial.

    Raises:
        ValueError: there is no best trial in it, or it is not a trial of this example.
    """
    try:
        found: Any = json.loads(text)
    except json.JSONDecodeError:
        found = None
    if not isinstance(found, dict) or "best" not in found:
        raise ValueError(
            "no best trial: expected the output of `hpo-bridge best STUDY.yaml --json`"
        )
    best = found["best"]
    if not best:
        raise ValueError(f"no best trial: study {found.get('study')!r} has no complete trial yet")
    try:
        params, ((measure, value),) = best["params"], best["values"].items()
        missing = [name for name in Config.required() if name not in params]
        if missing:
            raise ValueError(f"no {', '.join(missing)} in its params")
        return Best(
            study=str(found.get("study")),
            number=best["number"],
            measure="error" if measure == "value" else measure,
            value=float(value),
            config=Config.of(params),
            train_images=params.get("train_images"),
            validation_images=params.get("validation_images"),
        )
    except (AttributeError, KeyError, TypeError, ValueError) as problem:
        raise ValueError(f"the best trial is not one of this example: {problem}") from problem


def score(best: Best, seeds: Sequence[int]) -> tuple[int, list[float], Images]:
    """Train once per seed, then score each network once on the test images.

    Returns:
        The number of training images, the test error of each seed, and the test images.
    """
    train = load_train_validation(best.train_images, best.validation_images).train
    networks = []
    for seed in seeds:
        print(f"training with seed {seed} ...", file=sys.stderr, flush=True)
        networks.append(fit(best.config, train, seed, lambda epoch, network: None))
    test = load_test()
    return len(train), [error(network, test) for network in networks], test


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("file", nargs="?", type=Path, help="the JSON; standard input by default")
    parser.add_argument("--seeds", type=int, default=1, metavar="N", help="networks to train (1)")
    chosen = parser.parse_args(arguments)
    if chosen.seeds < 1:
        parser.error(f"--seeds {chosen.seeds}: at least 1")
    try:
        best = parse_best(chosen.file.read_text() if chosen.file else sys.stdin.read())
        n_train, errors, test = score(best, range(chosen.seeds))
    except (OSError, ValueError) as problem:
        print(f"evaluate: {problem}", file=sys.stderr)
        return 2
    spread = f" +- {stdev(errors):.4f} over {len(errors)} seeds" if len(errors) > 1 else ""
    print(
        f"Trained again on {n_train} training images (no validation, no test images in them); "
        f"scored on {len(test)} images of the official test set."
    )
    print(
        f"Study {best.study}, trial {best.number}: validation {best.measure} {best.value:.4f}, "
        f"test error {mean(errors):.4f}{spread}"
    )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
