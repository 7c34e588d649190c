"""What other tuning tools call things, and what they are called here: hints for error messages.

One row a habit. A hint is what stands in brackets behind the message, so that it has to be right
in Python and in a study file alike.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable, Mapping
from typing import Any, ParamSpec, TypeVar

from .errors import InvalidOptions, nearest

P = ParamSpec("P")
R = TypeVar("R")


def _rows(*rows: tuple[str, str]) -> dict[str, str]:
    """Each habit, from rows of habits and what they are here."""
    return {habit: here for habits, here in rows for habit in habits.split()}


OPTIONS: Mapping[str, str] = _rows(
    ("n_trials max_trials max_evals n_calls num_samples n_iter n_iterations n_calls_total trials",
     "trials= of Study.optimize, budget.trials in a study file"),
    ("timeout time_budget_s time_budget max_time time_limit seconds time",
     "seconds= of Study.optimize, budget.time in a study file; for each trial trial_timeout"),
    ("n_jobs num_workers n_workers max_workers max_concurrent max_concurrent_trials parallelism "
     "concurrency workers", "the option workers of the runners processes and ray"),
    ("resources_per_trial num_cpus num_gpus", "the options cpu and gpu of the runner ray"),
    ("max_failures max_retries failed_trial_callback", "the runner's option retries"),
    ("sampler algo algorithm search_alg searcher suggest base_estimator tuner optimizer method "
     "strategy", "backend= of Study, backend in a study file"),
    ("scheduler early_stopping early_stopper", "pruner= of Study, pruner in a study file"),
    ("search_space param_space parameters params dimensions domain config param_grid "
     "param_distributions search_spaces",
     "space, the first argument of Study, and a study file's key"),
    ("random_state random_seed rstate rng", "seed= of Study, seed in a study file"),
    ("study_name experiment_name experiment", "name= of Study, study in a study file"),
    ("storage storage_url database db storage_path", "store= of Study, store in a study file"),
    ("mode goal metric metrics objectives optimization_goal",
     "direction= or directions= of Study, direction or directions in a study file"),
    ("func fn f function trainable command script program",
     "objective, the first argument of Study.optimize, and a study file's key"),
    ("callbacks callback loggers", "observers= of Study, observers in a study file"),
    ("points_to_evaluate enqueue_trial x0 initial_params", "Study.enqueue"),
    ("load_if_exists resume", "left out: a stored study of that name goes on"),
    ("catch fail_fast raise_errors", "left out: a failed trial never ends a study"),
    ("show_progress_bar show_progressbar progress_bar verbose verbosity gc_after_trial",
     "left out: there is no such option"),
)  # fmt: skip
"""Options and keys, by what they are called elsewhere."""

SEARCH: Mapping[str, str] = {
    **OPTIONS,
    **_rows(
        ("param_grid param_distributions search_spaces param_space", "space, the second argument"),
        ("n_iter trials max_evals n_calls num_samples", "n_trials"), ("workers", "n_jobs"),
        ("sampler optimizer algo", "backend"), ("seed", "random_state"), ("storage", "store"),
        ("name", "study_name"), ("direction directions metric", "scoring, which is maximised"),
    ),
}  # fmt: skip
"""Arguments of a model-selection search, which keeps scikit-learn's own names for most."""

DECLARATIONS: Mapping[str, str] = _rows(
    ("lower minimum min start lb a", "low"), ("upper maximum max stop ub b", "high"),
    ("log_scale logscale log_uniform is_log prior scale base", "log: true or false"),
    ("q quantization delta", "step"),
    ("values categories options items list levels elements", "choices"),
    ("condition conditions parent depends_on only_if", "when"), ("is_ordered ordinal", "ordered"),
    ("dim size length n", "shape"),
)  # fmt: skip
"""Arguments of parameters, by what they are called elsewhere."""

KINDS: Mapping[str, str] = _rows(
    ("uniform real double number continuous quniform range suggest_float", "float"),
    ("loguniform log_uniform log-uniform log", "float, with log: true"),
    ("integer uniformint randint quniformint discrete suggest_int", "int"),
    ("choice category cat enum grid ordinal values suggest_categorical bool boolean",
     "categorical, with choices"),
    ("fixed", "{constant: …}, or the plain value"),
)  # fmt: skip
"""Types of parameters, by what they are called elsewhere."""

NAMES: Mapping[str, str] = _rows(
    ("create_study optimize minimize fmin tune Tuner run gp_minimize forest_minimize",
     "hpo_bridge.Study(space, …).optimize(objective, trials=…)"),
    ("load_study", "hpo_bridge.Study with the name and the store of the study"),
    ("Real FloatDistribution uniform loguniform quniform suggest_float Uniform LogUniform",
     "hpo_bridge.Float(low, high, log=…, step=…)"),
    ("Integer IntDistribution randint uniformint suggest_int", "hpo_bridge.Int(low, high, …)"),
    ("Choice CategoricalDistribution choice suggest_categorical", "hpo_bridge.Categorical([…])"),
    ("SearchSpace ConfigurationSpace hp space_eval", "hpo_bridge.Space(…)"),
    ("BridgeSearchCV", "hpo_bridge_sklearn.BridgeSearchCV"),
    ("cross_validated", "hpo_bridge_sklearn.cross_validated"),
    ("samplers pruners", "a name: Study(space, backend='optuna.tpe', pruner='median')"),
)  # fmt: skip
"""What is looked for in the package."""

STUDY: Mapping[str, str] = _rows(
    ("best_params best_params_ best_config", "study.best.params"),
    ("best_value best_score best_score_ best_result", "study.best.value"),
    ("best_trial argmin", "study.best"), ("best_trials pareto_front", "study.front"),
    ("trials_dataframe results dataframe get_dataframe cv_results_ to_frame", "study.to_pandas()"),
    ("get_trials results_", "study.trials"), ("enqueue_trial", "study.enqueue(params)"),
    ("add_trial add_trials", "study.import_trials(source)"),
    ("study_name", "study.name"), ("sampler", "study.backend"), ("storage", "study.store"),
    ("direction directions", "study.objectives.directions"),
    ("stop", "raising hpo_bridge.errors.StopStudy in the objective"),
    ("set_user_attr user_attrs", "metrics: trial.report(value, step, metrics={…})"),
    ("minimize fmin run fit", "study.optimize(objective, trials=…)"), ("suggest", "study.ask()"),
    ("observe", "study.tell(trial, value)"),
)  # fmt: skip
"""What is looked for in a study."""

TRIAL: Mapping[str, str] = _rows(
    ("suggest_float suggest_int suggest_categorical suggest_uniform suggest_loguniform "
     "suggest_discrete_uniform", "trial['name']: parameters are declared in the study's space"),
    ("set_user_attr user_attrs log", "trial.report(value, step, metrics={…})"),
    ("config hyperparameters", "trial.params, or the trial itself, which is a mapping"),
    ("trial_id _trial_id id", "trial.number"), ("values value", "what the objective returns"),
    ("prune", "raise hpo_bridge.TrialPruned"), ("get_checkpoint", "trial.load_checkpoint()"),
)  # fmt: skip
"""What is looked for in a trial."""


def hint(name: Any, accepted: Iterable[str], habits: Mapping[str, str] = OPTIONS) -> str:
    """A hint in brackets at what a wrong name means, or an empty string.

    Args:
        name: What was found.
        accepted: What is accepted there.
        habits: One of the tables.

    Example:
        >>> hint("n_trials", ["workers", "retries"])
        ' (here it is trials= of Study.optimize, budget.trials in a study file)'
        >>> hint("retry", ["workers", "retries"])
        " (did you mean 'retries'?)"
    """
    here = habits.get(name) if isinstance(name, str) else None
    return f" (here it is {here})" if here else nearest(name, list(accepted))


def missing_attribute(owner: str, name: str, habits: Mapping[str, str]) -> AttributeError:
    """The error of an attribute that is not there, with what it is here."""
    here = habits.get(name)
    return AttributeError(f"{owner} has no attribute {name!r}" + (f": use {here}" if here else ""))


def hinted_class(habits: Mapping[str, str]) -> Callable[[type[R]], type[R]]:
    """The same for the constructor of a class."""

    def decorate(cls: type[R]) -> type[R]:
        cls.__init__ = hinted(habits)(cls.__init__)  # type: ignore[method-assign]
        return cls

    return decorate


def hinted(
    habits: Mapping[str, str] = OPTIONS,
) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """A decorator for public functions, which names what an unknown keyword means here."""

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        parameters = inspect.signature(function).parameters
        accepted = [name for name in parameters if name != "self"]
        name = function.__qualname__.removesuffix(".__init__")

        @functools.wraps(function)
        def call(*args: P.args, **kwargs: P.kwargs) -> R:
            for key in kwargs:
                if key not in parameters:
                    raise InvalidOptions(
                        f"{key}: unknown argument of {name}, accepted: {', '.join(accepted)}"
                        f"{hint(key, accepted, habits)}"
                    )
            return function(*args, **kwargs)

        return call

    return decorate
