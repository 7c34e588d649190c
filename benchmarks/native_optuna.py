"""``study.optimize``, as one would write it by hand."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import optuna

import hpo_bridge as hpo

Objective = Callable[[dict[str, Any]], float]


def optimize(name: str, space: hpo.Space, objective: Objective, trials: int, seed: int) -> None:
    """``trials`` trials with the sampler behind ``optuna.{name}`` and its defaults."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    suggest = {key: _suggestion(key, parameter) for key, parameter in space.items()}
    conditional = space.is_conditional

    def function(trial: optuna.Trial) -> float:
        params: dict[str, Any] = {}
        for key, draw in suggest.items():
            if not conditional or space.is_active(key, params):
                params[key] = draw(trial)
        return objective(params)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that a sampler is experimental, or samples apart
        study = optuna.create_study(sampler=_sampler(name, space, seed))
        study.optimize(function, n_trials=trials)


def _sampler(name: str, space: hpo.Space, seed: int) -> optuna.samplers.BaseSampler:
    samplers = optuna.samplers
    if name == "grid":
        values = {key: [_plain(p, i) for i in range(p.size)] for key, p in space.items()}
        return samplers.GridSampler(values, seed=seed)
    return {
        "random": samplers.RandomSampler,
        "qmc": samplers.QMCSampler,
        "bruteforce": samplers.BruteForceSampler,
        "tpe": samplers.TPESampler,
        "gp": samplers.GPSampler,
        "cmaes": samplers.CmaEsSampler,
        "nsga2": samplers.NSGAIISampler,
        "nsga3": samplers.NSGAIIISampler,
    }[name](seed=seed)


def _plain(parameter: Any, index: int) -> Any:
    return index if isinstance(parameter, hpo.Categorical) else parameter.grid(index)


def _suggestion(name: str, p: Any) -> Callable[[optuna.Trial], Any]:
    """Draws a declared value; choices are drawn by their indices."""
    if isinstance(p, hpo.Categorical):
        last, indices = len(p.choices) - 1, range(len(p.choices))
        if p.ordered:
            return lambda trial: p.choices[trial.suggest_int(name, 0, last)]
        return lambda trial: p.choices[trial.suggest_categorical(name, indices)]
    if isinstance(p, hpo.Int):
        step = p.step or 1
        return lambda trial: trial.suggest_int(name, p.low, p.high, log=p.log, step=step)
    if p.step is None:
        return lambda trial: trial.suggest_float(name, p.low, p.high, log=p.log)
    return lambda trial: p.check(trial.suggest_float(name, p.low, p.high, step=p.step))
