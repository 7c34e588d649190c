"""What belongs to a process says so when it is copied or sent to another one."""

from __future__ import annotations

import copy
import pickle

import pytest

import hpo_bridge as hpo
from hpo_bridge.errors import ObjectiveError
from hpo_bridge.plugins import PluginManager
from hpo_bridge.store import open_store

SPACE = hpo.Space(x=hpo.Float(0, 1))


@pytest.fixture
def url(tmp_path):
    return f"sqlite:///{tmp_path}/s.db"


@pytest.mark.parametrize("send", [pickle.dumps, copy.deepcopy, copy.copy])
def test_a_study_says_how_to_open_it_elsewhere(url, send):
    with hpo.Study(SPACE, name="mine", store=url) as study:
        with pytest.raises(TypeError) as caught:
            send(study)
        assert f"name='mine', store='{url}'" in str(caught.value)
        trial = study.ask()
        with pytest.raises(TypeError, match=r"trial 0 cannot .* trial\.params"):
            send(trial)
        with pytest.raises(TypeError, match="open it there"):
            send(study.store)
    with pytest.raises(TypeError, match=r"store='sqlite:///study\.db'"):
        send(hpo.Study(SPACE))
    with pytest.raises(TypeError, match="in memory"):
        send(open_store(None))
    with pytest.raises(TypeError, match=r"plugins\.manager\(\)"):
        send(PluginManager([]))


def test_an_objective_that_captures_a_study_is_told_which(url):
    with hpo.Study(SPACE, name="mine", store=url) as mine:

        def value(trial):
            return len(mine.trials)

        def nested(trial):
            return value(trial)

        for objective in (value, nested):
            with pytest.raises(ObjectiveError) as caught:
                mine.optimize(objective, trials=1, runner="processes", workers=1)
            assert "(it uses 'mine')" in str(caught.value)
            assert "hpo.Study(…, name='mine'" in str(caught.value)
