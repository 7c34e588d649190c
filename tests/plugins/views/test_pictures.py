"""The pictures: what they show of studies of every kind, and that none fails on bad input."""

import inspect
import io
import math
import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from dataclasses import replace
from importlib import import_module

import numpy as np
import pytest
from hpo_bridge_views import hpo_register_views
from matplotlib import rc_context
from matplotlib.collections import LineCollection
from matplotlib.text import Text

import hpo_bridge as hpo
from hpo_bridge.contracts.record import TrialRecord, TrialState
from hpo_bridge.errors import HpoBridgeError


def _function(factory):
    module, _, name = factory.partition(":")
    return getattr(import_module(module), name)


PICTURES = {
    spec.name: _function(spec.factory)
    for spec in hpo_register_views()
    if not spec.live and spec.name != "report"
}
SPACE = hpo.Space(
    optimizer=hpo.Categorical(["adam", "sgd"]),
    momentum=hpo.Float(0, 0.99, when={"optimizer": "sgd"}),
    lr=hpo.Float(1e-5, 1e-1, log=True),
    layers=hpo.Int(1, 4),
    flag=hpo.Categorical([True, False, None]),
    size=hpo.Categorical([3, 5, 7], ordered=True),
    weights=hpo.Float(0, 1, shape=(3,)),
    pooling="max",
)


def value(params):
    bowl = (math.log10(params["lr"]) + 3) ** 2 + 0.1 * params["layers"]
    return bowl + params.get("momentum", 0.5)


def draw(name, *histories, **options):
    return PICTURES[name](list(histories), **options)


def texts(picture):
    return [text.get_text() for text in picture.figure.findobj(Text) if text.get_text()]


def said(picture):
    return " ".join(" ".join(texts(picture)).split())


def svg_of(picture):
    """The picture as a page has it, which is well-formed."""
    svg = picture.to_svg()
    ElementTree.fromstring(svg)
    return svg


def trial(number, state, params, **fields):
    return TrialRecord(number, state, params, **fields)


@pytest.fixture
def mixed(made_study, history_of):
    """Complete, pruned, failed, running and waiting trials of three proposers."""
    trials = list(made_study(SPACE, value, 40, seed=3).trials)
    for i in range(40):
        reports = tuple((step, 5.0 - 0.1 * step + i / 10) for step in range(1 + i % 5))
        trials[i] = replace(trials[i], reports=reports, metrics=({},) * len(reports))
        backend = [None, "optuna.tpe", "core.random"][i % 3]
        trials[i] = replace(trials[i], backend=backend)
    for i in range(4, 40, 5):
        trials[i] = replace(trials[i], state=TrialState.PRUNED, values=None)
    for i in range(3, 40, 10):
        trials[i] = replace(trials[i], state=TrialState.FAILED, values=None, error="ValueError")
    trials[38] = replace(trials[38], state=TrialState.RUNNING, values=None, finished=None)
    trials[39] = replace(
        trials[39], state=TrialState.WAITING, values=None, started=None, finished=None, reports=()
    )
    return history_of(SPACE, trials)


@pytest.mark.parametrize("name", PICTURES)
def test_each_picture_draws_a_mixed_study_alone_and_beside_another(mixed, name):
    picture = draw(name, mixed)
    assert svg_of(picture) == svg_of(draw(name, mixed))
    assert picture._repr_html_().startswith("<img")
    svg_of(draw(name, mixed, replace(mixed, name="other")))


@pytest.mark.parametrize("name", ["slice", "contour"])
def test_a_page_has_the_file_that_matplotlib_writes_and_the_figure_stays(mixed, name):
    picture, same = draw(name, mixed), draw(name, mixed)
    before = picture.figure.get_layout_engine(), picture.figure.dpi, picture.figure.canvas
    page = picture.to_svg()
    assert (
        picture.figure.get_layout_engine(),
        picture.figure.dpi,
        picture.figure.canvas,
    ) == before
    text = io.StringIO()
    with rc_context({"svg.fonttype": "none", "svg.hashsalt": "hpo_bridge"}):
        same.figure.savefig(text, format="svg", dpi=110, metadata={"Date": None})
    assert text.getvalue().endswith(page)


def bad_studies(made_study, history_of):
    study = made_study(SPACE, value, 20)
    one = hpo.Space(x=hpo.Float(0, 1))
    constants = hpo.Space(x=hpo.Float(1, 1), y=hpo.Categorical(["a"]), z=3)
    many = hpo.Space({f"p{i}": hpo.Float(0, 1) for i in range(200)})
    odd = [
        "<script>alert(1)</script>",
        "$x_1^2$",
        "_private",
        "two\nlines",
        "x" * 300,
        "名前😀\x00",
    ]
    names = hpo.Space({
        **{name: hpo.Float(0, 1) for name in odd},
        "choice <b>": hpo.Categorical([*odd, None, True, [1, 2]]),
    })  # fmt: skip

    def ended(state, **fields):
        return history_of(
            SPACE, [replace(t, state=state, values=None, **fields) for t in study.trials]
        )

    nan, inf = float("nan"), float("inf")
    return {
        "empty": history_of(SPACE, []),
        "one trial": made_study(SPACE, value, 1),
        "two trials": made_study(SPACE, value, 2),
        "all failed": ended(TrialState.FAILED, error="ValueError: no"),
        "all pruned": ended(TrialState.PRUNED, reports=((0, 1.0), (1, nan)), metrics=({}, {})),
        "all pruned with estimates": ended(TrialState.PRUNED, estimate=2.0),
        "all running": ended(TrialState.RUNNING, finished=None),
        "all waiting": ended(TrialState.WAITING, started=None, finished=None),
        "one parameter": made_study(one, lambda p: p["x"]),
        "constants only": made_study(constants, lambda p: 1.0),
        "200 parameters": made_study(many, lambda p: p["p3"] + p["p9"], 40),
        "huge": made_study(SPACE, lambda p: 1e300 * (p["layers"] - 2.5)),
        "largest": made_study(SPACE, lambda p: 1.7e308 * (1 if p["layers"] > 2 else -1)),
        "tiny": made_study(SPACE, lambda p: 5e-324 * p["layers"]),
        "wide": made_study(SPACE, lambda p: 10 ** (60 * p["weights"][0] - 30)),
        "equal": made_study(SPACE, lambda p: 0.0),
        "reports that are not finite": history_of(
            SPACE,
            [
                replace(t, reports=((0, nan), (1, inf), (2, -inf)), metrics=({"a": nan},) * 3,
                        standard_errors={"value": 0.1})
                for t in study.trials
            ],
        ),
        "clocks that went back": history_of(
            SPACE, [replace(t, started=100.0, finished=50.0) for t in study.trials]
        ),
        "odd names": replace(
            made_study(names, lambda p: {"$\\frac$ <i>": p["_private"]},
                       directions={"$\\frac$ <i>": "maximize"}),
            name="<script>'\"$",
        ),
        "an earlier space": history_of(
            SPACE,
            [replace(t, params={**t.params, "optimizer": "gone", "lr": -1.0, "layers": "no"})
             for t in study.trials],
        ),
        "seven objectives": made_study(
            SPACE, lambda p: {f"o{i}": p["lr"] * i for i in range(7)},
            directions={f"o{i}": "minimize" for i in range(7)},
        ),
    }  # fmt: skip


@pytest.mark.parametrize("name", PICTURES)
def test_bad_studies_give_a_picture_or_a_plain_sentence(made_study, history_of, name):
    for kind, history in bad_studies(made_study, history_of).items():
        try:
            svg = svg_of(draw(name, history))
        except Exception as error:
            raise AssertionError(f"{name} of a study that is {kind}") from error
        assert "<script" not in svg


def test_an_empty_study_says_so(history_of, mixed):
    for name in PICTURES:
        picture = draw(name, history_of(SPACE, []))
        assert re.search(
            "no trials yet|No (complete )?trial|Too few trials|one objective", said(picture)
        ), name


def test_the_history_shows_every_trial(mixed):
    picture = draw("history", mixed)
    (axes,) = picture.figure.axes
    counts = {
        text.get_text(): len(handle.get_xdata())
        for text, handle in zip(
            axes.get_legend().get_texts(), axes.get_legend().legend_handles, strict=True
        )
    }
    assert set(counts) == {
        "optuna.tpe", "core.random", "enqueued", "pruned", "best so far", "failed", "running",
        "waiting",
    }  # fmt: skip
    points = sum(len(line.get_xdata()) for line in axes.lines if line.get_marker() == "o")
    assert points == sum(t.values is not None for t in mixed.trials)
    best = next(line for line in axes.lines if line.get_drawstyle() == "steps-post")
    assert list(best.get_ydata()) == sorted(best.get_ydata(), reverse=True)
    assert "estimate" in picture.notes[0]


def test_several_objectives_have_a_panel_each_unless_one_is_chosen(made_study):
    study = made_study(
        SPACE, lambda p: {"loss": p["lr"], "time": p["layers"]},
        directions={"loss": "minimize", "time": "maximize"},
    )  # fmt: skip
    assert len(draw("history", study).figure.axes) == 2
    (axes,) = draw("history", study, objective="time").figure.axes
    assert axes.get_ylabel() == "time (higher is better)"
    with pytest.raises(HpoBridgeError, match="objective: found 'tme'"):
        draw("history", study, objective="tme")


def test_the_front_is_that_of_the_study(made_study):
    study = made_study(
        SPACE, lambda p: {"a": p["weights"][0], "b": p["weights"][1]},
        directions={"a": "minimize", "b": "minimize"},
    )  # fmt: skip
    (axes,) = draw("pareto", study).figure.axes
    front = np.array(axes.lines[-1].get_xydata())
    points = [(t.values["a"], t.values["b"]) for t in study.trials]
    for a, b in front:
        assert not any(x <= a and y <= b and (x, y) != (a, b) for x, y in points)
    three = {f"o{i}": "minimize" for i in range(3)}
    study = made_study(
        SPACE, lambda p: dict(zip(three, p["weights"], strict=True)), directions=three
    )
    assert len(draw("pareto", study).figure.axes) == 3


def test_slices_have_a_panel_per_parameter_without_made_up_rows(mixed):
    picture = draw("slice", mixed)
    panels = {axes.get_xlabel(): axes for axes in picture.figure.axes if axes.get_xlabel()}
    assert list(panels) == [*list(SPACE)[:-1], "weights (mean of 3)"]
    complete = [t for t in mixed.trials if t.values is not None]
    for name, axes in panels.items():
        points = sum(len(line.get_xdata()) for line in axes.lines if line.get_marker() == "o")
        name = name.partition(" (")[0]
        assert points == sum(name in t.params for t in complete)
    assert panels["lr"].get_xscale() == "log"
    assert [t.get_text() for t in panels["flag"].get_xticklabels()] == ["true", "false", "null"]
    assert [t.get_text() for t in panels["size"].get_xticklabels()] == ["3", "5", "7"]


def test_parameters_are_chosen_by_name_and_wrong_ones_named(mixed):
    picture = draw("slice", mixed, params=["lr", "momentum"])
    assert sum(bool(axes.get_xlabel()) for axes in picture.figure.axes) == 2
    for name in ("slice", "parallel", "contour"):
        with pytest.raises(HpoBridgeError, match=r"params: found 'momentun'.*mean 'momentum'"):
            draw(name, mixed, params=["lr", "momentun"])


def test_of_many_parameters_the_most_important_ones_are_drawn(made_study):
    space = hpo.Space({f"p{i}": hpo.Float(0, 1) for i in range(30)})
    picture = draw("slice", made_study(space, lambda p: p["p3"] + p["p29"], 60))
    names = {axes.get_xlabel() for axes in picture.figure.axes}
    assert {"p3", "p29"} <= names
    assert "The most important 12 of 30 parameters." in picture.notes
    assert "The most important 12 of 30" in said(picture)


def test_lines_of_inactive_parameters_pass_a_tick_that_says_so(mixed):
    picture = draw("parallel", mixed)
    (lines,) = picture.figure.findobj(LineCollection)[:1]
    complete = [t for t in mixed.trials if t.values is not None]
    assert len(lines.get_segments()) == len(complete)
    assert texts(picture).count("inactive") == 1
    low = sum(float(segment[1][1]) < 0 for segment in lines.get_segments())
    assert low == sum("momentum" not in t.params for t in complete)


def test_a_pair_that_is_never_active_together_is_no_surface(made_study):
    space = hpo.Space(
        kind=hpo.Categorical(["a", "b"]),
        x=hpo.Float(0, 1, when={"kind": "a"}),
        y=hpo.Float(0, 1, when={"kind": "b"}),
    )
    picture = draw("contour", made_study(space, lambda p: p.get("x", 0.3)), params=["x", "y"])
    assert "never active together" in texts(picture)


def test_the_timeline_has_as_many_lanes_as_trials_at_a_time(history_of):
    spans = [(0, 10), (1, 4), (4, 9), (5, 6), (10, 12), (100_000, 100_005)]
    trials = [
        trial(i, TrialState.COMPLETE, {"x": 0.5}, values={"value": 1.0}, started=1e9 + start,
              finished=1e9 + end)
        for i, (start, end) in enumerate(spans)
    ]  # fmt: skip
    picture = draw("timeline", history_of(hpo.Space(x=hpo.Float(0, 1)), trials))
    (axes,) = picture.figure.axes
    assert [label.get_text() for label in axes.get_yticklabels()] == ["1", "2", "3"]
    assert picture.notes == ("Cut out at dashed lines: 27.8 hours without a trial.",)


def test_rungs_count_the_trials_that_came_to_each_step(mixed):
    (axes,) = draw("rungs", mixed).figure.axes
    counts = {int(text.get_position()[0]): int(text.get_text()) for text in axes.texts}
    assert counts == {
        step: sum(any(s == step for s, _ in t.reports) for t in mixed.trials) for step in range(5)
    }


def test_folds_of_a_real_study_with_a_fold_pruner():
    def score(trial, fold):
        return (trial["x"] - 0.3) ** 2 * (1 + 0.2 * math.sin(fold)) + math.cos(5 * fold)

    study = hpo.Study({"x": hpo.Float(-1, 1)}, backend="optuna.tpe", pruner="folds", seed=0)
    study.optimize(hpo.Folded(score, folds=5), trials=15)
    (axes,) = study.plot("folds", trials=3).figure.axes
    ranked = sorted((t for t in study.trials if t.values), key=lambda t: t.value)[:3]
    names = [label.get_text() for label in axes.get_xticklabels()]
    assert names == [f"trial {t.number}" for t in ranked]
    points = sum(len(line.get_xdata()) for line in axes.lines if line.get_marker() == "o")
    assert points == 15


def test_improvements_go_to_the_backend_that_proposed_them(history_of):
    values = [("a", 9.0), ("a", 5.0), ("b", 6.0), ("b", 1.0), ("a", 1.0), (None, 0.0)]
    trials = [
        trial(i, TrialState.COMPLETE, {"x": 0.5}, values={"value": v}, backend=b)
        for i, (b, v) in enumerate(values)
    ]
    figure = draw("backends", history_of(hpo.Space(x=hpo.Float(0, 1)), trials)).figure
    names = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    times, shares = ([bar.get_width() for bar in axes.patches] for axes in figure.axes[1:])
    assert dict(zip(names, times, strict=True)) == {"a": 1, "b": 1, "enqueued": 1}
    assert dict(zip(names, shares, strict=True)) == {
        "a": pytest.approx(4 / 9), "b": pytest.approx(4 / 9), "enqueued": pytest.approx(1 / 9),
    }  # fmt: skip


def test_curves_and_points_of_large_studies_are_thinned_or_drawn_as_pixels(made_study):
    space = hpo.Space(x=hpo.Float(0, 1), y=hpo.Float(0, 1))
    study = made_study(space, lambda p: p["x"], 3000)
    trials = tuple(
        replace(t, reports=((0, 1.0), (1, 2.0)), metrics=({}, {})) for t in study.trials
    )
    picture = draw("intermediate", replace(study, trials=trials))
    assert "of 3,000 learning curves are drawn" in picture.notes[0]
    for name in ("history", "slice", "parallel", "contour", "timeline"):
        assert len(draw(name, study).to_svg()) < 400_000, name


def test_texts_of_the_user_are_literal(made_study):
    space = hpo.Space({"$x_1^2$": hpo.Float(0, 1), "_b": hpo.Float(0, 1)})
    study = made_study(space, lambda p: p["$x_1^2$"], 30)
    trials = tuple(replace(t, backend="_mine <b>$a$") for t in study.trials)
    study = replace(study, trials=trials)
    svg = draw("slice", study).to_svg()
    assert "$x_1^2$" in svg
    assert "_b" in svg
    assert "_mine &lt;b&gt;$a$" in draw("history", study).to_svg()


@pytest.mark.parametrize("name", PICTURES)
def test_options_are_documented(name):
    doc = inspect.getdoc(PICTURES[name])
    for option in list(inspect.signature(PICTURES[name]).parameters)[1:]:
        assert f"{option}:" in doc


def command(*arguments):
    env = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    line = [sys.executable, "-m", "hpo_bridge", *map(str, arguments)]
    return subprocess.run(line, capture_output=True, text=True, env=env, check=False)


def test_a_notebook_shows_a_picture_and_the_command_takes_options(tmp_path):
    formatters = pytest.importorskip("IPython.core.formatters")
    (tmp_path / "objective.py").write_text("def train(trial):\n    return trial['x'] ** 2\n")
    file = tmp_path / "study.yaml"
    file.write_text(
        "study: s\nobjective: objective.py:train\nbudget: {trials: 15}\nbackend: core.random\n"
        "space:\n  x: {type: float, low: 0, high: 1}\n  y: {type: int, low: 1, high: 9}\n"
    )
    assert command("run", file).returncode == 0
    svg = tmp_path / "slice.svg"
    drawn = command("plot", file, "slice", "-o", svg, "--option", "params=[y]")
    assert drawn.returncode == 0, drawn.stderr
    assert ">y</text>" in svg.read_text()
    assert ">x</text>" not in svg.read_text()
    wrong = command("plot", file, "slice", "-o", svg, "--option", "params=[z]")
    assert wrong.returncode == 2
    assert "found 'z', expected some of x, y" in wrong.stderr
    with hpo.Study.from_file(file) as study:
        shown = formatters.HTMLFormatter()(study.plot("history"))
    assert shown.startswith('<img src="data:image/png;base64,')


def test_runs_have_a_median_for_each_label(made_study, history_of):
    space = hpo.Space(x=hpo.Float(0, 1))
    histories = []
    for label, shift in (("a", 0.0), ("b", 1.0)):
        for block in (1, 2, 3):
            study = made_study(
                space, lambda params, shift=shift: params["x"] + shift, 10, seed=block
            )
            trials = list(study.trials)
            trials[0] = replace(trials[0], state=TrialState.FAILED, values=None)
            histories.append(history_of(space, trials, name=f"s.compare-{label}.{block}"))
    picture = draw("runs", *histories)
    assert {"a", "b"} <= set(texts(picture))
    assert "over 3 runs of each" in said(picture)
    (axes,) = picture.figure.axes
    one, other = (line.get_ydata() for line in axes.lines)
    assert math.isnan(one[0])
    assert list(one[1:]) == sorted(one[1:], reverse=True)
    assert all(low < high for low, high in zip(one[1:], other[1:], strict=True))
    assert texts(draw("runs", *histories, labels=["c"] * 6)).count("c") == 1
    with pytest.raises(HpoBridgeError, match="found 2, expected 6"):
        draw("runs", *histories, labels=["c"] * 2)
