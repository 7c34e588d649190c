"""The words of other tuning tools, and those used here: hints for error messages.

One row a habit. A hint is what stands in brackets behind the message, so that it has to be right
in Python and in a study file alike.
"""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, ParamSpec, TypeVar

from .errors import InvalidOptions, nearest, short

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
    ("budget", "trials= and seconds= of Study.optimize, budget in a study file"),
    ("n_jobs num_workers n_workers max_workers max_concurrent max_concurrent_trials parallelism "
     "concurrency workers", "the option workers of the runners processes and ray"),
    ("resources_per_trial num_cpus num_gpus cpus gpus",
     "the options cpu and gpu of the runner ray"),
    ("max_failures max_retries failed_trial_callback retries", "the runner's option retries"),
    ("trial_timeout", "the runner's option trial_timeout"),
    ("executor launcher runner", "runner= of Study.optimize, runner in a study file"),
    ("sampler algo algorithm search_alg searcher suggest base_estimator tuner optimizer method "
     "strategy backend", "backend= of Study, backend in a study file"),
    ("n_startup_trials n_startup_jobs n_initial_points n_random_starts initial_point_generator "
     "acq_func acq_optimizer multivariate n_ei_candidates gamma population_size",
     "an option of the backend, as in {name: …, options: {…}}"),
    ("scheduler early_stopping early_stopper pruner", "pruner= of Study, pruner in a study file"),
    ("search_space param_space parameters params dimensions domain config param_grid "
     "param_distributions search_spaces space",
     "space, the first argument of Study, and a study file's key"),
    ("constraint constraints constraints_func",
     "constraints= of Space, constraints in a study file"),
    ("random_state random_seed rstate rng seed", "seed= of Study, seed in a study file"),
    ("study_name experiment_name experiment name", "name= of Study, study in a study file"),
    ("storage storage_url database db storage_path store",
     "store= of Study, store in a study file"),
    ("mode goal metric metrics objectives optimization_goal direction directions maximize "
     "minimize", "direction= or directions= of Study, direction or directions in a study file"),
    ("func fn f function trainable command script program objective",
     "objective, the first argument of Study.optimize, and a study file's key"),
    ("callbacks callback loggers observers", "observers= of Study, observers in a study file"),
    ("points_to_evaluate enqueue_trial x0 initial_params", "Study.enqueue, in Python"),
    ("plugins checkpoints",
     "a study file's key, in Python a field of hpo_bridge.config.StudyConfig"),
    ("defaults", "change_space={…} of Study, defaults in a study file"),
    ("load_if_exists resume", "left out: a stored study of that name goes on"),
    ("catch fail_fast raise_errors", "left out: a failed trial never ends a study"),
    ("show_progress_bar show_progressbar progress_bar progress", "progress= of Study.optimize"),
    ("verbose verbosity gc_after_trial", "left out: there is no such option"),
)  # fmt: skip
"""Options and keys, by what they are called elsewhere."""

SEARCH: Mapping[str, str] = {
    **OPTIONS,
    **_rows(
        ("param_grid param_distributions search_spaces param_space", "space, the second argument"),
        ("n_iter trials max_evals n_calls num_samples max_trials n_candidates budget", "n_trials"),
        ("workers n_points num_workers n_workers", "n_jobs"),
        ("scheduler early_stopping early_stopper", "pruner"),
        ("timeout seconds time time_budget_s time_budget max_time",
         "left out: n_trials limits a search"),
        ("fit_params", "an argument of fit"), ("catch fail_fast", "error_score"),
        ("callbacks callback observers loggers", "left out: its store can be watched"),
        ("optimizer_kwargs sampler_kwargs", "backend={'name': …, 'options': {…}}"),
        ("retries trial_timeout", "an option of the runner: {'name': …, 'options': {…}}"),
        ("sampler optimizer algo", "backend"), ("seed", "random_state"), ("storage", "store"),
        ("name experiment_name", "study_name"),
        ("direction directions metric mode goal maximize minimize", "scoring, which is maximised"),
    ),
}  # fmt: skip
"""Arguments of a model-selection search, which keeps scikit-learn's own names for most."""

DECLARATIONS: Mapping[str, str] = _rows(
    ("lower minimum min start lb a", "low"), ("upper maximum max stop ub b", "high"),
    ("log_scale logscale log_uniform is_log prior scale base", "log: true or false"),
    ("q quantization delta", "step"),
    ("values categories options items list levels elements", "choices, of a categorical"),
    ("bounds range", "low and high"), ("distribution kind _type", "type"),
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

FLAGS: Mapping[str, str] = _rows(
    ("n_trials max_trials max_evals n_calls num_samples n_iter iterations trials n",
     "--trials N of hpo-bridge run, or --set budget.trials=N"),
    ("timeout time_budget_s time_budget max_time time_limit seconds time budget",
     "--set budget.time=20m; for each trial --set runner.trial_timeout=5m"),
    ("n_jobs num_workers n_workers max_workers max_concurrent max_concurrent_trials parallel "
     "concurrency workers jobs j", "--runner processes --set runner.workers=N"),
    ("cpu cpus gpu gpus num_cpus num_gpus resources_per_trial",
     "--runner ray --set runner.cpu=N --set runner.gpu=N"),
    ("max_failures max_retries retries", "--set runner.retries=N"),
    ("trial_timeout", "--set runner.trial_timeout=5m"),
    ("executor launcher runner", "--runner NAME of hpo-bridge run, or --set runner=NAME"),
    ("sampler algo algorithm search_alg searcher tuner optimizer method strategy backend",
     "--backend NAME of hpo-bridge run, or --set backend=NAME"),
    ("sampler_kwargs", "--set backend.options.NAME=VALUE"),
    ("scheduler early_stopping pruner", "--set pruner=NAME"),
    ("search_space space parameters params", "--set space.NAME.low=VALUE, or the study file"),
    ("random_state random_seed seed", "--seed N of hpo-bridge run, or --set seed=N"),
    ("study_name experiment_name name study", "--set study=NAME"),
    ("storage storage_url database db store", "--store URL"),
    ("mode goal metric direction directions maximize minimize", "--set direction=maximize"),
    ("config file study_file c", "the study file, given without an option"),
    ("format output_format output o", "--json, or --csv where there are rows"),
    ("resume load_if_exists skip_if_exists", "left out: a stored study of that name goes on"),
    ("catch fail_fast raise_errors", "left out: a failed trial never ends a study"),
    ("verbose verbosity v quiet q debug", "left out: there is no such option"),
)  # fmt: skip
"""Options of a command line, without their dashes."""

COMMANDS: Mapping[str, str] = _rows(
    ("optimize tune start fit minimize fmin search create-study study-optimize",
     "hpo-bridge run STUDY.yaml"),
    ("best-trial best-trials best-params", "hpo-bridge best STUDY.yaml"),
    ("results show list ls", "hpo-bridge trials STUDY.yaml"),
    ("resume continue", "hpo-bridge run STUDY.yaml, which goes on"),
    ("samplers algorithms searchers", "hpo-bridge backends"),
    ("ask tell enqueue", "a method of hpo_bridge.Study, in Python"),
)  # fmt: skip
"""Commands, by what they are called elsewhere."""

NAMES: Mapping[str, str] = _rows(
    ("create_study optimize minimize fmin tune Tuner run gp_minimize forest_minimize",
     "hpo_bridge.Study(space, …).optimize(objective, trials=…)"),
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
    ("study_name", "study.name"), ("sampler backend schedule", "study.config.schedule"),
    ("storage", "study.store"),
    ("direction directions", "study.objectives.directions"),
    ("stop", "raising hpo_bridge.errors.StopStudy in the objective"),
    ("set_user_attr user_attrs", "metrics: trial.report(value, step, metrics={…})"),
    ("minimize fmin run fit", "study.optimize(objective, trials=…)"), ("suggest", "study.ask()"),
    ("observe", "study.tell(trial, value)"),
    ("verify", "hpo_bridge.analysis.verify(study)"),
    ("select selected", "hpo_bridge.analysis.select(study, rule)"),
    ("nested nested_cv", "hpo_bridge.analysis.nested_cv(study, objective, splits)"),
    ("test score_test", "hpo_bridge.analysis.score_test(study, function)"),
    ("tested test_scores", "hpo_bridge.analysis.test_scores(study)"),
    ("replay rerun", "hpo_bridge.analysis.replay(study, number, objective)"),
    ("exhausted", "hpo_bridge.study.exhaustion(study)"),
    ("abandon", "hpo_bridge.study.abandon(study)"),
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


def namesakes(name: str, accepted: Iterable[str]) -> str:
    """A hint at the backends or pruners that a class of another library, or a bare name, means.

    Example:
        >>> namesakes("TPESampler", ["optuna.tpe", "hyperopt.tpe", "core.grid"])
        " (did you mean 'optuna.tpe' or 'hyperopt.tpe'?)"
    """
    bare = re.sub("(sampler|pruner|scheduler|search|stoppingrule)$", "", _last(name.lower()))
    meant = [repr(each) for each in accepted if _last(each) == bare]
    return f" (did you mean {' or '.join(meant)}?)" if meant else ""


def _last(name: str) -> str:
    return name.rpartition(".")[2].replace("_", "")


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
        kinds = [parameter.kind for parameter in parameters.values()]
        accepted = [name for name in parameters if name != "self"]
        named = [n for n in accepted if parameters[n].kind is inspect.Parameter.KEYWORD_ONLY]
        is_open = inspect.Parameter.VAR_KEYWORD in kinds
        positional = list(parameters)[: len(kinds) - len(named) - is_open]
        name = function.__qualname__.removesuffix(".__init__")

        @functools.wraps(function)
        def call(*args: P.args, **kwargs: P.kwargs) -> R:
            if len(args) > len(positional) and named:
                found = short(args[len(positional)])
                raise InvalidOptions(
                    f"{name}: found {found} after {positional[-1]}, expected {named[0]}={found} "
                    f"or another name of {', '.join(named)}"
                )
            for key in kwargs:
                if key not in parameters and not is_open:
                    raise InvalidOptions(
                        f"unknown argument of {name}, accepted: {', '.join(accepted)}"
                        f"{hint(key, accepted, habits)}",
                        key,
                    )
            return function(*args, **kwargs)

        return call

    return decorate
