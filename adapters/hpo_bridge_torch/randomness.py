"""Torch's random generators, seeded anew at each step, and left as they were found."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2b
from types import TracebackType

import torch
from torch import Tensor


class Randomness:
    """Seeds torch's own generators by a step's number, so that a step can be repeated exactly.

    Within, what a step draws (dropout, the images of a batch) depends on the seed and on the
    step alone. Afterwards the generators are in the state that they were in before.

    Args:
        seed: The trial's seed.

    Example:
        >>> with Randomness(seed=1) as randomness:
        ...     randomness.at(7)
        ...     first = torch.rand(3)
        ...     randomness.at(7)
        ...     bool((torch.rand(3) == first).all())
        True
    """

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._found: list[tuple[torch.Generator, Tensor]] = []

    def __enter__(self) -> Randomness:
        self._cover(torch.default_generator)
        if torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
            self._cover(torch.cuda.default_generators[torch.cuda.current_device()])
        return self

    def cover(self, tensors: Iterable[Tensor]) -> bool:
        """Take over the generators of the devices that these tensors are on, too.

        Returns:
            Whether there is one that was not taken over before.
        """
        known = len(self._found)
        for device in {tensor.device for tensor in tensors}:
            if device.type == "cuda":
                self._cover(torch.cuda.default_generators[device.index])
        return len(self._found) > known

    def at(self, moment: int | str) -> None:
        """Seed them for a step, or for another moment that has a name."""
        digest = blake2b(f"{self._seed}/{moment}".encode(), digest_size=7).digest()
        seed = int.from_bytes(digest, "big")
        for generator, _ in self._found:
            generator.manual_seed(seed)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for generator, state in self._found:
            generator.set_state(state)

    def _cover(self, generator: torch.Generator) -> None:
        if all(generator is not found for found, _ in self._found):
            self._found.append((generator, generator.get_state()))
