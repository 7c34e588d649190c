"""Programs as objectives on Ray's workers: as on every other runner."""

from __future__ import annotations

import hpo_bridge as hpo
from hpo_bridge.contracts.record import TrialState

PROGRAM = """
import json, os, sys, time
for step in range(600):
    print(json.dumps({"step": step, "value": float(sys.argv[1])}))
    if float(sys.argv[1]) <= 0.5:
        break
    time.sleep(0.1)  # pruned, or it takes a minute
print(json.dumps({"value": json.loads(os.environ["HPO_PARAMS"])["x"], "bn": sys.argv[2:]}))
"""


def test_a_program_is_pruned_while_it_runs(ray_here, tmp_path, monkeypatch):
    monkeypatch.delenv("PYTHONUNBUFFERED", raising=False)
    (tmp_path / "program.py").write_text(PROGRAM)
    monkeypatch.chdir(tmp_path)
    space = hpo.Space(x=hpo.Float(0, 1), bn=hpo.Categorical([True, False]))
    pruner = {"name": "threshold", "options": {"upper": 0.5}}
    study = hpo.Study(space, seed=1, pruner=pruner)
    for x in (0.25, 0.75):
        study.enqueue({"x": x, "bn": True})
    command = "{python} program.py {x} {bn:--bn|--no-bn}"
    study.optimize({"command": command}, trials=2, runner="ray", workers=1)
    first, second = study.trials
    assert first.values == {"value": 0.25}, first.error
    assert second.state is TrialState.PRUNED, second.error
    assert len(second.reports) < 600
