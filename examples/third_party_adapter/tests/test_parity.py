"""The bridge proposes what Nevergrad's own loop proposes."""

import nevergrad
from numpy.random import RandomState

import hpo_bridge as hpo


def test_the_same_points_as_the_librarys_own_loop():
    cube = nevergrad.p.Array(init=[0.5, 0.5]).set_mutation(sigma=0.3)
    cube.random_state = RandomState(5)
    optimizer = nevergrad.optimizers.TBPSA(cube.set_bounds(0.0, 1.0))
    native = []
    for _ in range(100):
        candidate = optimizer.ask()
        native.append(candidate.value.tolist())
        optimizer.tell(candidate, sum(candidate.value**2))

    space = {"x": hpo.Float(0, 1), "y": hpo.Float(0, 1)}
    study = hpo.Study(space, backend="nevergrad.tbpsa", seed=5)
    study.optimize(lambda trial: trial["x"] ** 2 + trial["y"] ** 2, trials=100)
    assert [[t.params["x"], t.params["y"]] for t in study.trials] == native
