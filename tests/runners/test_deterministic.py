"""`order: deterministic` on worker processes: the same trials whatever the timing."""

from __future__ import annotations


def test_trials_do_not_depend_on_timing(restless):
    """Failures, retries, killed workers and infeasible points among them."""
    first, *others = (restless("processes", nap, workers=4) for nap in range(3))
    assert others == [first, first]
    assert restless("processes", 0, workers=2) != first  # that they are the same is no accident
