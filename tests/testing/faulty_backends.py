"""One sound optimizer, and twins of it with one fault each; loaded as an unpackaged plugin.

The sound one works by generations: it proposes ``SIZE`` points, waits for all of them, and
goes on around the best points that it knows.
"""

from __future__ import annotations

import asyncio
import math
import os
import random
import time
from decimal import Decimal
from typing import Any

from hpo_bridge import BackendSpec, Capability, SearchExhausted, Suggestion, hookimpl
from hpo_bridge.contracts.optimizer import Translation
from hpo_bridge.contracts.random_state import get_state, set_state

C = Capability
SIZE = 10


@hookimpl
def hpo_register_backends() -> list[BackendSpec]:
    learner = frozenset({C.CONDITIONAL, C.MULTI_OBJECTIVE, C.INJECT})
    specs = [
        BackendSpec(
            name=f"fake.{name}", technique="genetic", factory=f"faulty_backends:{cls.__name__}",
            capabilities=learner | cls.more, summary=(cls.__doc__ or "").splitlines()[0],
        )
        for name, cls in LEARNERS.items()
    ]  # fmt: skip
    specs += [
        BackendSpec(
            name=f"fake.{name}", technique="grid", factory=f"faulty_backends:{cls.__name__}",
            capabilities=frozenset({C.CONDITIONAL, C.FINITE}), summary="A list of all points",
        )
        for name, cls in LISTS.items()
    ]  # fmt: skip
    return specs


class Sound:
    """Generations around the best points."""

    more: frozenset[Capability] = frozenset()

    def __init__(self, problem: Any, *, size: int = SIZE, spread: float = 0.15) -> None:
        self.space, self.size, self.spread = problem.space, size, spread
        self.rng = random.Random(problem.seed)
        self.elite: list[list[Any]] = []
        self.queue = [self.fresh() for _ in range(size)]
        self.open = 0

    # -- making points ------------------------------------------------------------------

    def fresh(self) -> list[float]:
        return [self.rng.random() for _ in range(self.space.dimension)]

    def child(self) -> list[float]:
        _, parent = self.rng.choice(self.elite)
        return [
            self.rng.random()
            if self.rng.random() < 0.1
            else min(max(u + self.spread * (2 * self.rng.random() - 1), 0.0), 1.0)
            for u in parent
        ]

    def decoded(self, unit: list[float]) -> dict[str, Any]:
        return self.space.decode(unit)

    # -- the contract -------------------------------------------------------------------

    def ask(self, n: int) -> list[Suggestion]:
        taken, self.queue = self.queue[:n], self.queue[n:]
        self.open += len(taken)
        return [Suggestion(self.decoded(unit), unit) for unit in taken]

    def tell(self, observations: Any) -> None:
        for seen in observations:
            foreign = seen.token is None
            self.open -= not foreign
            if seen.losses is not None:
                unit = self.space.encode(seen.params) if foreign else list(seen.token)
                self.elite.append([sum(seen.losses), unit])
        self.elite = sorted(self.elite)[:4]
        self.breed()

    def breed(self) -> None:
        if self.open == 0 and not self.queue:
            make = self.child if self.elite else self.fresh
            self.queue = [make() for _ in range(self.size)]

    def explain(self) -> list[Translation]:
        return [Translation(name, "encoded", "a coordinate") for name in self.space]

    def state(self) -> Any:
        return {
            "rng": get_state(self.rng), "elite": self.elite, "queue": self.queue,
            "open": self.open,
        }  # fmt: skip

    def restore(self, state: Any, observations: Any) -> None:
        set_state(self.rng, state["rng"])
        self.elite, self.queue, self.open = state["elite"], state["queue"], state["open"]


def kind(parameter: Any) -> str:
    return type(parameter).__name__


# -- the space ---------------------------------------------------------------------------


class _Mapped(Sound):
    """Decodes one parameter at a time, so that a twin can do it wrongly."""

    def decoded(self, unit: list[float]) -> dict[str, Any]:
        params: dict[str, Any] = {}
        for (name, parameter), u in zip(self.space.items(), unit, strict=True):
            if self.space.is_active(name, params):
                params[name] = self.value(parameter, u)
        return params

    def value(self, parameter: Any, u: float) -> Any:
        return parameter.decode(u)


class AlwaysLog(_Mapped):
    """Takes every float with a positive bound for logarithmic."""

    def value(self, parameter: Any, u: float) -> Any:
        if kind(parameter) == "Float" and parameter.size is None and parameter.low > 0:
            low, high = math.log(parameter.low), math.log(parameter.high)
            value = math.exp(low + u * (high - low))
            return min(max(value, parameter.low), parameter.high)
        return parameter.decode(u)


class AlwaysLinear(_Mapped):
    """Takes every float for linear."""

    def value(self, parameter: Any, u: float) -> Any:
        if kind(parameter) == "Float" and parameter.size is None:
            return min(parameter.low + u * (parameter.high - parameter.low), parameter.high)
        return parameter.decode(u)


class StepLost(_Mapped):
    """Takes stepped floats for continuous."""

    def value(self, parameter: Any, u: float) -> Any:
        if kind(parameter) == "Float" and parameter.step is not None:
            return min(parameter.low + u * (parameter.high - parameter.low), parameter.high)
        return parameter.decode(u)


class IndexForValue(_Mapped):
    """Gives the position of a stepped integer on its grid."""

    def value(self, parameter: Any, u: float) -> Any:
        value = parameter.decode(u)
        if kind(parameter) == "Int" and parameter.step is not None:
            return (value - parameter.low) // parameter.step
        return value


class BoolForInt(_Mapped):
    """Gives a truth value where there are two choices."""

    def value(self, parameter: Any, u: float) -> Any:
        value = parameter.decode(u)
        return bool(value) if kind(parameter) == "Categorical" and parameter.size == 2 else value


class NumpyScalars(Sound):
    """Gives numpy's numbers."""

    def decoded(self, unit: list[float]) -> dict[str, Any]:
        import numpy as np

        kinds = {float: np.float64, int: np.int64}
        return {name: kinds[type(v)](v) for name, v in super().decoded(unit).items()}


class UpperEndNever(_Mapped):
    """Is off by one at the top of an integer range."""

    def value(self, parameter: Any, u: float) -> Any:
        if kind(parameter) == "Int" and not parameter.log and parameter.size > 1:
            return parameter.grid(min(int(u * (parameter.size - 1)), parameter.size - 2))
        return parameter.decode(u)


class OutOfBounds(_Mapped):
    """Is off by one above the top of an integer range, now and then."""

    def value(self, parameter: Any, u: float) -> Any:
        if kind(parameter) == "Int" and parameter.step is None and u > 0.9:
            return parameter.high + 1
        return parameter.decode(u)


class HalfEnds(_Mapped):
    """Rounds to a grid: both ends have half the weight."""

    def value(self, parameter: Any, u: float) -> Any:
        discrete = parameter.size is not None and not getattr(parameter, "log", False)
        if discrete and (kind(parameter) != "Categorical" or parameter.ordered):
            return parameter.grid(math.floor(u * (parameter.size - 1) + 0.5))
        return parameter.decode(u)


class Biased(_Mapped):
    """Prefers the first choice."""

    def value(self, parameter: Any, u: float) -> Any:
        return parameter.decode(u * u if kind(parameter) == "Categorical" else u)


class NeverBelowTen(_Mapped):
    """Takes logarithms for bounds, once it learns."""

    def value(self, parameter: Any, u: float) -> Any:
        value = parameter.decode(u)
        if self.elite and kind(parameter) == "Int" and parameter.log and parameter.high > 100:
            return max(value, 10)
        return value


class InactivePresent(_Mapped):
    """Suggests what is not active too."""

    def decoded(self, unit: list[float]) -> dict[str, Any]:
        pairs = zip(self.space.items(), unit, strict=True)
        return {name: parameter.decode(u) for (name, parameter), u in pairs}


class NoToken(Sound):
    """Marks its own points as foreign."""

    def ask(self, n: int) -> list[Suggestion]:
        return [Suggestion(each.params, None) for each in super().ask(n)]


# -- asking and telling ------------------------------------------------------------------


class OneSeedPerBatch(Sound):
    """Gives the same point for a whole batch."""

    def ask(self, n: int) -> list[Suggestion]:
        given = super().ask(n)
        return given[:1] * len(given)


class ForgetsFailures(Sound):
    """Does not count failed members, and waits for them for ever."""

    def tell(self, observations: Any) -> None:
        super().tell([seen for seen in observations if seen.losses is not None])


class FailedBreaks(Sound):
    """Breaks when a pruned trial has no report."""

    def tell(self, observations: Any) -> None:
        for seen in observations:
            if seen.state.value == "PRUNED" and not seen.infeasible:
                seen.reports[-1]
        super().tell(observations)


class DeadlocksWithoutData(Sound):
    """Does not know what to do when a whole generation has failed."""

    def breed(self) -> None:
        if self.elite:
            super().breed()


class DeadlocksOnLate(Sound):
    """Takes a member into account only if it comes before half a generation has passed."""

    def __init__(self, problem: Any) -> None:
        super().__init__(problem)
        self.told = 0

    def tell(self, observations: Any) -> None:
        in_time = []
        for seen in observations:
            self.told += 1
            first = self.told > self.size - 1 and seen.token == self.first_token
            in_time += [] if first else [seen]
        super().tell(in_time)

    def ask(self, n: int) -> list[Suggestion]:
        given = super().ask(n)
        if given and not hasattr(self, "first_token"):
            self.first_token = given[0].token
        return given


class CountsOnOrder(Sound):
    """Expects results in the order of its suggestions."""

    def __init__(self, problem: Any) -> None:
        super().__init__(problem)
        self.due: list[Any] = []

    def ask(self, n: int) -> list[Suggestion]:
        given = super().ask(n)
        self.due += [each.token for each in given]
        return given

    def tell(self, observations: Any) -> None:
        for seen in observations:
            if seen.token is not None and seen.token != self.due.pop(0):
                raise KeyError("not the next one")
        super().tell(observations)


class EmptyAskAdvances(Sound):
    """Draws a number at each ask."""

    def ask(self, n: int) -> list[Suggestion]:
        self.rng.random()
        return super().ask(n)


class InfeasibleAgain(Sound):
    """Stops at the fiftieth point in a row that is infeasible."""

    row = 0

    def tell(self, observations: Any) -> None:
        for seen in observations:
            self.row = self.row + 1 if seen.infeasible else 0
            if self.row > 50:
                raise RuntimeError("no room left")
        super().tell(observations)


class Deaf(Sound):
    """Declares INJECT, and ignores foreign points."""

    def tell(self, observations: Any) -> None:
        super().tell([seen for seen in observations if seen.token is not None])


class Repelled(Sound):
    """Declares INJECT, and uses foreign points to draw other random numbers."""

    def tell(self, observations: Any) -> None:
        for seen in observations:
            if seen.token is None:
                self.rng.random()
        own = [seen for seen in observations if seen.token is not None]
        super().tell(own)
        if len(own) < len(observations):
            self.queue = [[min(u, 0.5) for u in self.fresh()] for _ in self.queue]


class BrokenByForeignFailures(Sound):
    """Expects every foreign point to have a loss."""

    def tell(self, observations: Any) -> None:
        for seen in observations:
            if seen.token is None:
                seen.losses[0]
        super().tell(observations)


class NoProgress(Sound):
    """Learns nothing."""

    def child(self) -> list[float]:
        return self.fresh()


class OneObjective(Sound):
    """Declares several objectives, and takes one."""

    def tell(self, observations: Any) -> None:
        for seen in observations:
            if seen.losses is not None:
                (_,) = seen.losses
        super().tell(observations)


# -- seeds -------------------------------------------------------------------------------


class TouchesGlobal(Sound):
    """Seeds the global generator of numpy."""

    def __init__(self, problem: Any) -> None:
        import numpy as np

        super().__init__(problem)
        np.random.seed(problem.seed)


class ReadsGlobal(Sound):
    """Draws from the global generator of numpy, and puts its state back."""

    def child(self) -> list[float]:
        import numpy as np

        state = np.random.get_state()
        shift = np.random.random() * 1e-3
        np.random.set_state(state)
        return [min(u + shift, 1.0) for u in super().child()]


class HashSeed(Sound):
    """Depends on the order of a set of texts."""

    def fresh(self) -> list[float]:
        scale = 1.0 - 1e-6 * (hash("a text") % 1000)
        return [u * scale for u in super().fresh()]


class Shared(Sound):
    """Shares its generator with all others."""

    common = random.Random(0)

    def __init__(self, problem: Any) -> None:
        self.common.seed(problem.seed)
        super().__init__(problem)
        self.rng = self.common


class NoLock(Sound):
    """Swaps the global generator in and out, in a way that two threads spoil."""

    def child(self) -> list[float]:
        outer = random.getstate()
        random.setstate(self.rng.getstate())
        time.sleep(1e-3)
        unit = [0.5 * u + 0.5 * random.random() for u in self.elite[0][1]]
        self.rng.setstate(random.getstate())
        random.setstate(outer)
        return unit


class NoSeed(Sound):
    """Never uses its seed."""

    def __init__(self, problem: Any) -> None:
        super().__init__(problem)
        self.rng = random.Random(0)
        self.queue = [self.fresh() for _ in range(self.size)]


class OtherEachTime(Sound):
    """Draws its seed from the system."""

    def __init__(self, problem: Any) -> None:
        super().__init__(problem)
        self.rng = random.Random()


# -- what the caller has set ---------------------------------------------------------------


class RoundsByContext(Sound):
    """Computes with decimal numbers of as many digits as the caller has set."""

    def decoded(self, unit: list[float]) -> dict[str, Any]:
        return super().decoded([float(Decimal(u) * 1) for u in unit])


class NeedsFolder(Sound):
    """Looks for the current folder."""

    def tell(self, observations: Any) -> None:
        os.getcwd()
        super().tell(observations)


class RunsLoop(Sound):
    """Runs an event loop, of which a thread can have but one."""

    def ask(self, n: int) -> list[Suggestion]:
        nothing = asyncio.sleep(0)
        try:
            asyncio.run(nothing)
        finally:
            nothing.close()
        return super().ask(n)


class ChangesEnvironment(Sound):
    """Leaves a variable in the environment."""

    def __init__(self, problem: Any) -> None:
        super().__init__(problem)
        os.environ["FAKE_RUNS"] = str(1 + int(os.environ.get("FAKE_RUNS", "0")))


# -- snapshots ---------------------------------------------------------------------------


class GeneratorForgotten(Sound):
    """Leaves the generator out of its state."""

    def state(self) -> Any:
        return {key: value for key, value in super().state().items() if key != "rng"}

    def restore(self, state: Any, observations: Any) -> None:
        super().restore({**state, "rng": get_state(self.rng)}, observations)


class PendingForgotten(Sound):
    """Starts to count what is pending anew."""

    def restore(self, state: Any, observations: Any) -> None:
        super().restore({**state, "open": 0}, observations)


class StateChanges(Sound):
    """Draws a number to show its state."""

    def state(self) -> Any:
        self.rng.random()
        return super().state()


class StateNoJson(Sound):
    """Gives a state that JSON cannot hold."""

    def state(self) -> Any:
        return {**super().state(), "kind": {1, 2}}


class TakesAnyState(Sound):
    """Takes any state without a word."""

    def restore(self, state: Any, observations: Any) -> None:
        if isinstance(state, dict) and "rng" in state:
            super().restore(state, observations)


# -- options and texts -------------------------------------------------------------------


class AnyOption(Sound):
    """Accepts whatever option."""

    def __init__(self, problem: Any, **options: Any) -> None:
        super().__init__(problem)


class ExplainsLess(Sound):
    """Explains all parameters but one."""

    def explain(self) -> list[Translation]:
        return super().explain()[1:]


# -- lists -------------------------------------------------------------------------------


class Listing:
    """Every point once."""

    def __init__(self, problem: Any) -> None:
        for name, parameter in problem.space.items():
            if parameter.size is None:
                self.refuse(name)
        self.points = list(problem.space.points())
        self.given = 0

    def refuse(self, name: str) -> None:
        from hpo_bridge import UnsupportedProblem

        raise UnsupportedProblem("is continuous", name)

    def ask(self, n: int) -> list[Suggestion]:
        given = self.points[self.given : self.given + n]
        if not given:
            self.end()
        self.given += len(given)
        return [Suggestion(dict(point)) for point in given]

    def end(self) -> None:
        raise SearchExhausted("that was all")

    def tell(self, observations: Any) -> None:
        pass


class StartsOver(Listing):
    """Is exhausted once, then starts over."""

    def end(self) -> None:
        self.given = 0
        super().end()


class LosesLast(Listing):
    """Leaves out the last point."""

    def __init__(self, problem: Any) -> None:
        super().__init__(problem)
        self.points = self.points[:-1] or self.points


class RefusesNameless(Listing):
    """Refuses without a word on the parameter."""

    def refuse(self, name: str) -> None:
        super().refuse("")


class Vectors(Sound):
    """Takes vectors."""

    more = frozenset({C.VECTOR})


class TuplesForLists(Vectors):
    """Takes vectors, and gives tuples."""

    def decoded(self, unit: list[float]) -> dict[str, Any]:
        point = super().decoded(unit)
        return {n: tuple(v) if isinstance(v, list) else v for n, v in point.items()}


# -- gradients ---------------------------------------------------------------------------


class Downhill(Sound):
    """Children go down the gradient of their parent, where there is one."""

    more = frozenset({C.GRADIENT})
    sign = -1.0

    def __init__(self, problem: Any) -> None:
        super().__init__(problem)
        self.slopes: dict[str, list[float]] = {}

    def tell(self, observations: Any) -> None:
        for seen in observations:
            if seen.gradients is not None and seen.token is not None:
                slopes = [seen.gradients.get(name, 0.0) for name in self.space]
                self.slopes[str(list(seen.token))] = slopes
        super().tell(observations)

    def child(self) -> list[float]:
        unit = super().child()
        slopes = self.slopes.get(str(self.elite[0][1]), [0.0] * len(unit))
        signs = [(slope > 0) - (slope < 0) for slope in slopes]
        return [
            min(max(u + 0.1 * self.sign * s, 0.0), 1.0) for u, s in zip(unit, signs, strict=True)
        ]

    def state(self) -> Any:
        return {**super().state(), "slopes": self.slopes}

    def restore(self, state: Any, observations: Any) -> None:
        super().restore(state, observations)
        self.slopes = state["slopes"]


class Uphill(Downhill):
    """Children go up the gradient of their parent."""

    sign = 1.0


class BlindToGradients(Sound):
    """Asks for gradients, and never looks at them."""

    more = frozenset({C.GRADIENT})


LEARNERS: dict[str, type[Sound]] = {
    cls.__name__: cls
    for cls in list(globals().values())
    if isinstance(cls, type) and issubclass(cls, Sound) and cls is not _Mapped
}
LEARNERS = {
    "".join(f"_{c.lower()}" if c.isupper() else c for c in name).strip("_"): cls
    for name, cls in LEARNERS.items()
}
LISTS: dict[str, type[Listing]] = {
    "listing": Listing,
    "starts_over": StartsOver,
    "loses_last": LosesLast,
    "refuses_nameless": RefusesNameless,
}
