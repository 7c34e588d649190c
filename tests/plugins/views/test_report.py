"""The report: one page without scripts and without a network, and the same as data."""

import json
from html.parser import HTMLParser

import pytest

import hpo_bridge as hpo
from hpo_bridge.contracts.record import Direction, TrialState
from hpo_bridge.errors import HpoBridgeError

from .made_history import made_history, made_trial, random_points

EVIL = "<script>pwned = 1</script>\"'--><img src=http://evil/>"


class Page(HTMLParser):
    """The elements and attributes of a page."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.attributes, self.text = [], [], ""
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.attributes += attributes

    def handle_data(self, data):
        self.text += data


def report_of(*histories):
    from hpo_bridge_views.report import make_report

    return make_report(list(histories))


def test_the_page_has_findings_pictures_trials_and_how_to_make_it_again(tmp_path):
    with hpo.Study({"x": hpo.Float(0, 1)}, seed=3, store=tmp_path / "s.db", name="demo") as study:
        study.optimize(lambda trial: trial["x"] ** 2, trials=30)
        report = study.report()
        report.save(tmp_path / "report.html")
        page = Page((tmp_path / "report.html").read_text())
        best = study.best
    assert f"trial {best.number}" in page.text
    assert "load_study('demo', store='sqlite://" in page.text
    assert page.tags.count("img") >= 4
    assert page.tags.index("ol") < page.tags.index("img")
    assert report._repr_html_().startswith("<!doctype html>")


def test_the_data_has_what_programs_need():
    space = hpo.Space(x=hpo.Float(0, 1), y=hpo.Float(0, 1), pool="max")
    points = random_points(space, 40)
    data = report_of(made_history(space, [(p, p["x"]) for p in points])).to_json()
    again = json.loads(json.dumps(data, allow_nan=False))
    assert {"study", "findings", "importance", "best", "counts"} <= set(again)
    assert {"kind", "text", "evidence"} == set(again["findings"][0])
    assert next(iter(again["importance"])) == "x"
    assert again["best"]["values"]["value"] == min(p["x"] for p in points)
    assert again["counts"]["COMPLETE"] == 40


def test_several_objectives_have_a_front_and_importance_each():
    space = hpo.Space(x=hpo.Float(0, 1), y=hpo.Float(0, 1))
    directions = {"a": Direction.MINIMIZE, "b": Direction.MAXIMIZE}
    points = random_points(space, 40)
    history = made_history(
        space, [(p, {"a": p["x"], "b": p["y"]}) for p in points], directions=directions
    )
    data = report_of(history).to_json()
    assert set(data["importance"]) == {"a", "b"}
    assert "best" not in data
    assert data["front"]


def test_importance_is_computed_once_for_an_objective(monkeypatch):
    from hpo_bridge_views import importance

    computed, original = [], importance.importance

    def counted(history, objective):
        computed.append((history.name, objective))
        return original(history, objective)

    monkeypatch.setattr(importance, "importance", counted)
    space = hpo.Space({f"x{i}": hpo.Float(0, 1) for i in range(14)})  # more than are drawn
    report = report_of(made_history(space, [(p, p["x3"]) for p in random_points(space, 40)]))
    assert next(iter(report.to_json()["importance"])) == "x3"
    report.to_html()
    assert len(computed) == 1


def test_several_studies_stand_side_by_side():
    space = hpo.Space(x=hpo.Float(0, 1))
    one = made_history(space, [(p, p["x"]) for p in random_points(space, 30)])
    report = report_of(one, made_history(space, []))
    assert len(report.to_json()["beside"]) == 1
    assert "The study has no trials yet." in Page(report.to_html()).text


def test_no_text_of_a_study_becomes_part_of_the_page():
    space = hpo.Space({EVIL: hpo.Categorical([EVIL, "b"]), "x": hpo.Float(0, 1)})
    trials = [
        made_trial(n, p, p["x"] if n % 5 else f"ValueError: {EVIL}", backend=EVIL)
        for n, p in enumerate(random_points(space, 40))
    ]
    history = made_history(space, trials, study_file=f"study: {EVIL}", store=EVIL, driver=EVIL)
    page = report_of(history).to_html()
    parsed = Page(page)
    assert "script" not in parsed.tags
    assert not [value for name, value in parsed.attributes if name.startswith("on")]
    sources = [value for name, value in parsed.attributes if name in ("src", "href")]
    assert sources
    assert all(source.startswith("data:image/") for source in sources)
    assert "default-src 'none'" in page
    assert EVIL in parsed.text


MANY = hpo.Space({f"p{i}": hpo.Float(0, 1) for i in range(200)})
PLAIN = hpo.Space(
    a=hpo.Float(1e-5, 1, log=True), b=hpo.Int(1, 4), c=hpo.Categorical([None, True, "x"]),
    d=hpo.Float(0, 1, when={"c": "x"}), e=hpo.Float(0, 1, shape=(3,)), f=7,
)  # fmt: skip


def pruned(space):
    return [
        made_trial(n, p, None, state=TrialState.PRUNED, error=None,
                   reports=((0, float("nan")), (1, float("inf")), (2, 1e300)))
        for n, p in enumerate(random_points(space, 12))
    ]  # fmt: skip


@pytest.mark.parametrize(
    "history",
    [
        made_history(PLAIN, []),
        made_history(PLAIN, [(p, 0.5) for p in random_points(PLAIN, 1)]),
        made_history(PLAIN, [(p, None) for p in random_points(PLAIN, 20)]),
        made_history(PLAIN, pruned(PLAIN)),
        made_history(PLAIN, [(p, p["a"] * 1e300) for p in random_points(PLAIN, 60)]),
        made_history(PLAIN, [(p, (-1) ** n * 1.7e308)
                             for n, p in enumerate(random_points(PLAIN, 60))]),
        made_history(MANY, [(p, p["p7"]) for p in random_points(MANY, 100)]),
    ],
    ids=["empty", "one", "failed", "pruned", "large", "overflowing", "wide"],
)  # fmt: skip
def test_whatever_a_study_holds_has_a_report(history):
    report = report_of(history)
    assert "</html>" in report.to_html()
    json.dumps(report.to_json(), allow_nan=False)


def test_another_ending_and_a_folder_that_is_not_there_are_named(tmp_path):
    report = report_of(made_history(PLAIN, []))
    with pytest.raises(HpoBridgeError, match=r"expected \.html"):
        report.save(tmp_path / "report.pdf")
    with pytest.raises(HpoBridgeError, match="cannot be written"):
        report.save(tmp_path / "nowhere" / "report.html")
