"""A format of somebody's, in a file beside the study."""

from __future__ import annotations

import pytest

from hpo_bridge import Float, FormatSpec, Space
from hpo_bridge.config import StudyConfig
from hpo_bridge.errors import HistoryError
from hpo_bridge.plugins import PluginManager
from hpo_bridge.study import open_study

PLUGIN = """
from hpo_bridge import FormatSpec, hookimpl
from hpo_bridge.contracts.format import History, ImportedTrial, Text, ExportResult
from hpo_bridge.contracts.record import TrialState


@hookimpl
def hpo_register_formats():
    return FormatSpec(name="acme", factory="acme_format:Acme", writes=True, summary="Lines")


class Acme:
    def recognises(self, source):
        return isinstance(source, str) and source.endswith(".acme")

    def suits(self, target):
        return target.endswith(".acme")

    def read(self, source, wanted):
        trials = []
        for number, line in enumerate(open(source).read().splitlines()):
            x, y = line.split()
            state, values = TrialState.COMPLETE, {"y": float(y)}
            trials.append(ImportedTrial(f"line {number}", state, {"x": Text(x)}, values))
        return History(source, {"y": None}, trials)

    def write(self, target, study, *, overwrite):
        lines = [f"{t.params['x']} {t.value}" for t in study.trials]
        with open(target, "w") as file:
            file.write("\\n".join(lines))
        return ExportResult(len(lines))
"""


@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_a_format_of_a_plugin_reads_and_writes(tmp_path):
    (tmp_path / "acme_format.py").write_text(PLUGIN)
    plugins = PluginManager()
    plugins.add("acme_format.py", tmp_path)
    (tmp_path / "t.acme").write_text("0.5 1.5\n2.5 1.0\n")
    study = open_study(StudyConfig(Space(x=Float(0, 1)), seed=0, plugins=plugins))
    report = study.import_trials(str(tmp_path / "t.acme"))
    assert (report.format, report.added) == ("acme", 1)
    assert report.refused[0].example == "line 1: x: 2.5 is outside [0.0, 1.0]"
    assert study.export(tmp_path / "u.acme").trials == 1
    assert (tmp_path / "u.acme").read_text() == "0.5 1.5"


def test_a_spec_that_does_nothing_is_refused():
    with pytest.raises(ValueError, match="acme: neither reads nor writes"):
        FormatSpec(name="acme", factory="acme:Acme", reads=False)


def test_a_format_whose_library_is_missing_is_named(tmp_path):
    plugin = PLUGIN.replace("writes=True", 'writes=True, requires=("acme-absent>=2",)')
    (tmp_path / "acme_lacking.py").write_text(plugin)
    plugins = PluginManager()
    plugins.add("acme_lacking.py", tmp_path)
    (tmp_path / "t.acme").write_text("0.5 1.5\n")
    study = open_study(StudyConfig(Space(x=Float(0, 1)), seed=0, plugins=plugins))
    with pytest.raises(HistoryError, match=r"acme is unavailable: .*acme-absent"):
        study.import_trials(str(tmp_path / "t.acme"))
