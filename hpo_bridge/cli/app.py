"""The commands and their options. What they do is in the modules beside this one."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from . import reading_commands
from .common_options import Backend, Json, Runner, Set, Store, StudyFile
from .hinting_group import HintingGroup
from .view_commands import dashboard, plot, report

app = typer.Typer(
    name="hpo-bridge", cls=HintingGroup, help="One study, any optimizer, any machine.",
    no_args_is_help=True, pretty_exceptions_enable=False, rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)  # fmt: skip


def _version(value: bool) -> None:
    if value:
        from .. import __version__

        print(f"hpo-bridge {__version__}")
        raise typer.Exit


@app.callback()
def _main(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="The version.")
    ] = False,
) -> None:
    """One study, any optimizer, any machine."""


@app.command()
def run(
    study: StudyFile,
    backend: Backend = None,
    runner: Runner = None,
    trials: Annotated[
        int | None, typer.Option(metavar="N", help="The study's trials in all.")
    ] = None,
    seed: Annotated[int | None, typer.Option(metavar="N", help="The study's seed.")] = None,
    store: Store = None,
    set_: Set = None,
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="Run the trials again that have failed.")
    ] = False,
    change_space: Annotated[
        bool, typer.Option("--change-space", help="Go on in the file's space, if it is another.")
    ] = False,
    json: Json = False,
) -> None:
    """Start a study, or continue it where the store has it."""
    from .run import run_study

    raise typer.Exit(run_study(
        study, backend=backend, runner=runner, trials=trials, seed=seed, store=store,
        overrides=set_ or [], change_space=change_space, retry_failed=retry_failed,
        as_json=json,
    ))  # fmt: skip


app.command()(reading_commands.status)
app.command()(reading_commands.best)


@app.command("test")
def score_test(
    study: StudyFile,
    trial: Annotated[
        int | None, typer.Option(metavar="N", help="Another trial than the one chosen.")
    ] = None,
    again: Annotated[
        bool, typer.Option("--again", help="Score it although it was scored before.")
    ] = False,
    store: Store = None,
    set_: Set = None,
    json: Json = False,
) -> None:
    """Score the chosen trial on the test set, once and on record."""
    from .score_test import score_study

    raise typer.Exit(score_study(study, store, set_ or [], trial, again=again, as_json=json))


for _command in (
    reading_commands.trials, plot, report, dashboard, reading_commands.logs,
    reading_commands.studies, reading_commands.verify,
):  # fmt: skip
    app.command()(_command)


@app.command()
def compare(
    studies: Annotated[
        list[Path], typer.Argument(metavar="STUDY.yaml...", help="One study file, or several.")
    ],
    backends: Annotated[
        str | None,
        typer.Option(metavar="A,B", help="Backends: optuna.gp,'optuna.tpe?multivariate=true'."),
    ] = None,
    variants: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A file with labels and settings.")
    ] = None,
    seeds: Annotated[int, typer.Option(metavar="N", min=2, help="Runs of each.")] = 10,
    trials: Annotated[
        int | None, typer.Option(metavar="N", help="Trials of each run; else the file's budget.")
    ] = None,
    time: Annotated[
        str | None, typer.Option(metavar="TIME", help="The time of each run instead: 5m.")
    ] = None,
    race: Annotated[
        bool, typer.Option("--race", help="Drop those that are clearly behind early.")
    ] = False,
    runner: Runner = None,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="FILE", help="Also a picture: .png, .svg, .pdf."),
    ] = None,
    store: Store = None,
    set_: Set = None,
    json: Json = False,
) -> None:
    """Compare backends, or other settings, on one objective."""
    from .compare import compare_variants

    raise typer.Exit(compare_variants(
        studies, backends, variants, seeds=seeds, trials=trials, time=time, race=race,
        runner=runner, store=store, overrides=set_ or [], target=output, as_json=json,
    ))  # fmt: skip


@app.command()
def replay(
    study: StudyFile,
    trial: Annotated[int, typer.Option(metavar="N", help="The trial's number.")],
    times: Annotated[int, typer.Option(metavar="K", help="How often, one after another.")] = 1,
    tolerance: Annotated[
        float, typer.Option(metavar="X", help="By how much numbers may differ.")
    ] = 0.0,
    runner: Annotated[
        str, typer.Option(metavar="NAME", help="Who evaluates it, one at a time.")
    ] = "processes",
    store: Store = None,
    set_: Set = None,
    json: Json = False,
) -> None:
    """Run a stored trial again and compare; nothing is stored."""
    from .replay import replay_trial

    raise typer.Exit(replay_trial(
        study, trial, store, set_ or [], times=times, tolerance=tolerance, runner=runner,
        as_json=json,
    ))  # fmt: skip


@app.command("import")
def import_(
    study: StudyFile,
    source: Annotated[str, typer.Argument(metavar="SOURCE", help="A file, a folder, or a URL.")],
    format: Annotated[
        str | None, typer.Option("--from", metavar="FORMAT", help="The source's format.")
    ] = None,
    name: Annotated[
        str | None, typer.Option("--study", metavar="NAME", help="Which study of the source.")
    ] = None,
    map_: Annotated[
        list[str] | None,
        typer.Option(
            "--map",
            metavar="THEIRS=OURS",
            help="A name, a column or a state; =-OURS: the negative.",
        ),
    ] = None,
    unpickle: Annotated[
        bool, typer.Option("--unpickle", help="Open a pickle; this runs the code in it.")
    ] = False,
    strict: Annotated[bool, typer.Option("--strict", help="All of its trials, or none.")] = False,
    drop_inactive: Annotated[
        bool, typer.Option("--drop-inactive", help="Leave out parameters that are not active.")
    ] = False,
    store: Store = None,
    set_: Set = None,
    json: Json = False,
) -> None:
    """Add the trials of another tool to a study."""
    from .import_export import import_trials

    raise typer.Exit(import_trials(
        study, source, format=format, name=name, renames=map_ or [], unpickle=unpickle,
        strict=strict, drop_inactive=drop_inactive, store=store, overrides=set_ or [],
        as_json=json,
    ))  # fmt: skip


app.command()(reading_commands.export)


@app.command()
def explain(
    study: StudyFile, backend: Backend = None, set_: Set = None, json: Json = False
) -> None:
    """Show how the search space reaches the backend."""
    from .explain import show_explanation

    raise typer.Exit(show_explanation(study, backend, set_ or [], as_json=json))


@app.command()
def backends(json: Json = False) -> None:
    """List every backend, and how to install what is missing."""
    from .listing import show_backends

    show_backends(as_json=json)


@app.command()
def plugins(json: Json = False) -> None:
    """List every plugin, its distribution, and why it is not active."""
    from .listing import show_plugins

    show_plugins(as_json=json)


@app.command()
def check(
    backend: Annotated[str, typer.Argument(metavar="NAME", help="The backend's name.")],
    option: Annotated[
        list[str] | None,
        typer.Option("--option", metavar="KEY=VALUE", help="An option of the backend."),
    ] = None,
    expect: Annotated[
        list[str] | None,
        typer.Option("--expect", metavar="CHECK=REASON", help="A check that must fail, and why."),
    ] = None,
    startup: Annotated[
        int, typer.Option(metavar="N", min=1, help="Results until its model is in use.")
    ] = 20,
    trials: Annotated[
        int, typer.Option(metavar="N", min=4, help="Suggestions past that, for each check.")
    ] = 60,
    json: Json = False,
) -> None:
    """Check that a backend keeps the contract of backends."""
    from .check import check_backend

    raise typer.Exit(
        check_backend(
            backend, option or [], expect or [], startup=startup, trials=trials, as_json=json
        )
    )


@app.command()
def init(
    folder: Annotated[
        Path | None, typer.Argument(metavar="[DIR]", help="Where to; here by default.")
    ] = None,
    plugin: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="A plugin with a backend instead, by default in NAME/."),
    ] = None,
) -> None:
    """Write a study file and an objective, or a plugin to publish."""
    from .init import write_plugin, write_study

    if plugin is not None:
        write_plugin(plugin, folder)
    else:
        write_study(folder or Path())
