"""Views from a study, from the command, and from other people's plugins."""

import inspect

import pytest

import hpo_bridge as hpo
from hpo_bridge.config import StudyConfig
from hpo_bridge.errors import HpoBridgeError, InvalidOptions, UnknownName
from hpo_bridge.plugins import PluginManager, load_factory, manager
from hpo_bridge.study import open_study


@pytest.fixture
def study():
    with hpo.Study({"x": hpo.Float(0, 1)}, seed=0, name="demo") as study:
        study.optimize(lambda trial: trial["x"] ** 2, trials=12)
        yield study


@pytest.mark.parametrize("ending", ["png", "svg", "pdf"])
def test_a_picture_is_written_in_the_format_of_its_name(study, tmp_path, ending):
    target = tmp_path / f"history.{ending}"
    study.plot("history").save(target)
    assert target.stat().st_size > 1000


def test_a_picture_shows_itself_in_a_notebook(study):
    assert study.plot("history")._repr_html_().startswith('<img src="data:image/png;base64,')


def test_what_is_wrong_is_named(study, tmp_path):
    with pytest.raises(UnknownName, match=r"'histry', expected one of .*did you mean 'history'"):
        study.plot("histry")
    with pytest.raises(InvalidOptions, match="colour"):
        study.plot("history", colour="red")
    with pytest.raises(HpoBridgeError, match=r"'pgn', expected one of .*png"):
        study.plot("history").save(tmp_path / "history.pgn")
    with pytest.raises(HpoBridgeError, match="cannot be written"):
        study.plot("history").save(tmp_path / "not there" / "history.png")


def test_a_plugin_adds_a_picture(tmp_path):
    (tmp_path / "acme.py").write_text(
        """
from hpo_bridge import ViewSpec, hookimpl

class Count:
    def __init__(self, histories, *, unit="trials"):
        self.text = f"{sum(len(each.trials) for each in histories)} {unit}"

    def save(self, path):
        path.write_text(self.text)

    def _repr_html_(self):
        return self.text

@hookimpl
def hpo_register_views():
    return ViewSpec(name="acme.count", factory="acme:Count", summary="The number of trials")
"""
    )
    plugins = PluginManager()
    plugins.add("./acme.py", tmp_path)
    with open_study(StudyConfig({"x": hpo.Float(0, 1)}, plugins=plugins)) as study:
        study.optimize(lambda trial: trial["x"], trials=3)
        assert study.plot("acme.count", unit="runs")._repr_html_() == "3 runs"


def test_the_startup_of_a_spec_is_the_default_of_its_option():
    offers = [offer for offer in manager().offers("backend") if offer.spec.startup is not None]
    assert len(offers) >= 14
    for offer in offers:
        option, default = offer.spec.startup
        parameters = inspect.signature(load_factory("backend", offer)).parameters
        assert parameters[option].default == default, offer.spec.name
