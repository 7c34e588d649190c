"""Nevergrad's TBPSA as a backend: an evolution strategy for objectives with noise.

Test-based population-size adaptation (Hellwig and Beyer, 2016) averages over its population, and
doubles it where noise hides whether the last generations were better than the first.

What surprises about Nevergrad (1.0.12), and what is done about it here:

- ``set_bounds``, and the arguments ``lower`` and ``upper``, draw a seed from numpy's global
  generator unless the array has a generator already. So it gets its own one first.
- ``candidate.uid`` is a random number of the operating system, another one in each run. A token
  must come back the same when a study is replayed: it is ``num_ask``, the number of candidates.
- TBPSA compares means of losses. A made-up loss for a failed trial would drown the real ones, so
  a failed or pruned trial is not told at all: it counts for nothing.
- A point that TBPSA did not propose gets a guessed step length, which is zero at the centre and
  then ends the search for good: such points are not told either (no capability ``inject``).
"""

from hpo_bridge import BackendSpec, Suggestion, hookimpl
from hpo_bridge.contracts.optimizer import Translation


@hookimpl
def hpo_register_backends():
    """What this plugin offers: data, so that Nevergrad is imported only where it is used."""
    return BackendSpec(
        name="nevergrad.tbpsa",
        technique="evolutionary",
        factory="hpo_bridge_nevergrad:TBPSA",
        requires=["nevergrad>=1.0.12,<2"],
        capabilities=["vector"],
        summary="An evolution strategy whose population grows with the noise",
    )


class TBPSA:
    """Moves a normal distribution over the unit cube; ``decode`` turns its points into params."""

    def __init__(self, problem):
        import nevergrad
        from numpy.random import RandomState

        self.space, self.asked = problem.space, {}
        cube = nevergrad.p.Array(init=[0.5] * problem.space.dimension).set_mutation(sigma=0.3)
        cube.random_state = RandomState(problem.seed)
        self.optimizer = nevergrad.optimizers.TBPSA(cube.set_bounds(0.0, 1.0))

    def ask(self, n):
        return [self.next() for _ in range(n)]

    def next(self):
        token, candidate = self.optimizer.num_ask, self.optimizer.ask()
        self.asked[token] = candidate
        return Suggestion(self.space.decode(candidate.value.tolist()), token)

    def tell(self, observations):
        for seen in observations:
            candidate = self.asked.pop(seen.token)
            if seen.losses is not None:
                self.optimizer.tell(candidate, seen.losses[0])

    def explain(self):
        return [Translation(name, "encoded", "unit cube, sigma 0.3") for name in self.space]
