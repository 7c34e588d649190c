"""Every optimizer draws from generators of its own; DEAP and the process are left alone."""

from __future__ import annotations

import random
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from deap import algorithms, cma, tools
from hpo_bridge_deap import isolation
from hpo_bridge_deap.genetic import Ga

from hpo_bridge.errors import BackendError


def states():
    numpy_state = np.random.get_state()
    return random.getstate(), [np.asarray(part).tolist() for part in numpy_state[1:]]


def test_generators_of_the_process_are_neither_touched_nor_read(kit, factory):
    before = states()
    first = kit.bridged(factory(kit.Problem(kit.MIXED, 1, 3)), 120)
    assert states() == before
    random.seed(99)
    np.random.seed(99)
    assert kit.bridged(factory(kit.Problem(kit.MIXED, 1, 3)), 120) == first


def test_deap_itself_is_as_it_was(kit, factory):
    kit.bridged(factory(kit.Problem(kit.MIXED, 1, 3)), 60)
    for function in (algorithms.varAnd, algorithms.varOr, tools.cxTwoPoint, tools.mutGaussian,
                     tools.selTournament, tools.selTournamentDCD):  # fmt: skip
        assert function.__globals__["random"] is random
    assert cma.Strategy.generate.__globals__["numpy"] is np
    assert "generate" not in vars(cma.Strategy(centroid=[0.0], sigma=1.0))


def test_two_in_turn_do_not_disturb_each_other(kit, factory):
    alone = [kit.bridged(factory(kit.Problem(kit.MIXED, 1, seed)), 80) for seed in (1, 2)]
    both = [factory(kit.Problem(kit.MIXED, 1, seed)) for seed in (1, 2)]
    found = [[], []]
    for _ in range(80):
        for k, optimizer in enumerate(both):
            found[k] += kit.bridged(optimizer, 1)
    assert found == alone
    assert found[0] != found[1]


def test_threads_do_not_disturb_each_other(kit, factory):
    """Four studies at once, beside a thread that draws from the process's generators."""

    def points(seed):
        return kit.bridged(factory(kit.Problem(kit.MIXED, 1, seed)), 100)

    alone = [points(seed) for seed in range(4)]
    done = threading.Event()
    drawn = []

    def user():
        while not done.is_set():
            drawn.append(random.random() + np.random.random())

    noise = threading.Thread(target=user)
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        noise.start()
        with ThreadPoolExecutor(4) as pool:
            assert list(pool.map(points, range(4))) == alone
    finally:
        done.set()
        noise.join()
        sys.setswitchinterval(interval)
    assert drawn


def test_functions_of_one_module_call_one_another_privately():
    """``selTournament`` draws through ``selRandom``."""
    deap = isolation.deap_with(random.Random(5))
    random.seed(5)
    letters = [type("One", (), {"fitness": i})() for i in range(20)]
    expected = tools.selTournament(letters, 10, tournsize=3)
    random.seed(77)
    assert deap.selTournament(letters, 10, tournsize=3) == expected


def test_a_deap_with_its_generator_elsewhere_is_refused(kit, monkeypatch):
    """``from random import random`` would leave the seed without effect."""
    monkeypatch.setattr("deap.tools.mutation.random", random.random)
    with pytest.raises(BackendError, match=r"elsewhere: deap\.tools\.mutation"):
        Ga(kit.Problem(kit.CUBE))


def test_hash_seeds_do_not_matter():
    code = (
        "from hpo_bridge.contracts.optimizer import Observation, Problem\n"
        "from hpo_bridge.space import Categorical, Float, Space\n"
        "from hpo_bridge_deap.genetic import Ga\n"
        "from hpo_bridge_deap.nsga2 import Nsga2\n"
        "space = Space(b=Float(0, 1), a=Categorical([0, 1, 2]))\n"
        "for one in (Ga(Problem(space)), Nsga2(Problem(space, 2))):\n"
        "    n = 2 if isinstance(one, Nsga2) else 1\n"
        "    for _ in range(90):\n"
        "        [s] = one.ask(1)\n"
        "        losses = (s.params['b'], 1 - s.params['b'])[:n]\n"
        "        one.tell([Observation(s.params, losses, s.token)])\n"
        "    print([s.params for s in one.ask(5)])\n"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={"PYTHONHASHSEED": seed, "OMP_NUM_THREADS": "1"},
            check=True,
            capture_output=True,
        ).stdout
        for seed in ("0", "1")
    }
    assert len(outputs) == 1


def test_the_hook_module_imports_neither_deap_nor_numpy():
    code = (
        "import sys, hpo_bridge_deap as m; m.hpo_register_backends(); "
        "assert not {'deap', 'numpy'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
