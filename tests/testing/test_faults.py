"""Each planted fault is caught by the check that is meant to, and a sound twin passes all."""

from __future__ import annotations

import pytest

from hpo_bridge.testing import CHECK_NAMES


def family(prefix):
    return {name for name in CHECK_NAMES if name.startswith(f"{prefix}[")}


# A fault, and exactly the checks that must fail.
PRECISE = {
    "always_log": {"scale[start]"},
    "always_linear": {"scale[start]", "scale[model]"},
    "bool_for_int": {
        "space[categorical]", "space[ordered]", "space[nested]", "space[mix]",
        "study[values]", "study[stored]",
    },
    "numpy_scalars": family("space") - {"space[vector]"},
    "tuples_for_lists": {"space[vector]"},
    "upper_end_never": {"due[int]", "due[int_step]", "reach[high]"},
    "half_ends": {"due[int]", "due[int_step]", "due[float_step]", "due[ordered]"},
    "biased": {"due[ordered]", "due[categorical]"},
    "never_below_ten": {"reach[low]", "scale[model]"},
    "inactive_present": {"space[nested]", "study[values]", "study[stored]"},
    "one_seed_per_batch": {"batch[start]", "batch[model]"},
    "deadlocks_without_data": {
        "failures[first]", "failures[all]", "failures[pruned]", "failures[infeasible]",
    },
    "deadlocks_on_late": {"batch[late]", "inject[history]"},
    "empty_ask_advances": {"batch[waiting]"},
    "infeasible_again": {"failures[infeasible]"},
    "deaf": {"inject[used]", "inject[towards]", "inject[history]"},
    "repelled": {"inject[towards]", "inject[history]"},
    "broken_by_foreign_failures": {
        "inject[harmless]", "inject[history]", "snapshot[continued]", "snapshot[unchanged]",
        "replay",
    },
    "no_progress": {
        "progress", "failures[half]", "inject[used]", "inject[towards]", "inject[history]",
    },
    "one_objective": {"objectives[2]", "objectives[3]"},
    "touches_global": {"seed[untouched]", "surroundings[kept]"},
    "hash_seed": {"seed[process]"},
    "no_seed": {*family("due"), "scale[start]", "seed[other]"},
    "takes_any_state": {"snapshot[wrong]"},
    "any_option": {"options[unknown]", "options[explicit]"},
    "explains_less": {"explain"},
    "starts_over": {"finite"},
    "loses_last": {"finite"},
    "blind_to_gradients": {"gradients"},
    "rounds_by_context": {"surroundings[numbers]"},
    "needs_folder": {"surroundings[process]"},
    "runs_loop": {"surroundings[thread]"},
    "changes_environment": family("surroundings") - {"surroundings[thread]"},
}  # fmt: skip

# A fault that shows in many places, and the checks that are meant to catch it.
BROAD = {
    "step_lost": {"space[float_step]", "space[float_step_awkward]", "space[mix]"},
    "index_for_value": {"space[int_step]"},
    "out_of_bounds": {"space[int]", "space[mix]"},
    "no_token": family("space") - {"space[vector]"},
    "forgets_failures": family("failures"),
    "failed_breaks": {"failures[pruned]"},
    "counts_on_order": {"batch[order]"},
    "no_lock": {"seed[threads]"},
    "shared": {"seed[interleaved]"},
    "reads_global": {"seed[unread]"},
    "other_each_time": {"seed[same]", "seed[process]", "seed[unread]", "replay", "study[stored]"},
    "generator_forgotten": {"snapshot[continued]"},
    "pending_forgotten": {"snapshot[continued]"},
    "state_changes": {"snapshot[unchanged]"},
    "state_no_json": {"snapshot[continued]"},
    "uphill": {"gradients"},
    "refuses_nameless": {"space[float]", "space[float_log]", "space[mix]"},
}


# They start interpreters, half of the time of all checks: run for what they are to catch.
OTHER_PROCESSES = {"seed[process]", "spec[light]"}


def bad(results):
    return {result.name for result in results.values() if not result.good}


@pytest.mark.parametrize("name", ["sound", "vectors", "downhill", "listing"])
def test_a_sound_backend_passes_every_check(name, checked):
    results = checked(name)
    assert tuple(results) == CHECK_NAMES
    assert bad(results) == set()


@pytest.mark.parametrize("name", PRECISE)
def test_a_fault_is_caught_by_the_checks_for_it_and_no_other(name, checked):
    others = [check for check in CHECK_NAMES if check not in OTHER_PROCESSES]
    assert bad(checked(name, *others, *PRECISE[name])) == PRECISE[name]


@pytest.mark.parametrize("name", BROAD)
def test_a_fault_is_caught_by_the_checks_for_it(name, checked):
    assert bad(checked(name, *BROAD[name])) == BROAD[name]


def test_every_fault_is_tried(plugins):
    names = {offer.spec.name for offer in plugins.offers("backend")}
    fakes = {name.removeprefix("fake.") for name in names if name.startswith("fake.")}
    assert fakes == {*PRECISE, *BROAD, "sound", "vectors", "downhill", "listing"}


def test_every_check_has_a_fault_that_it_catches():
    caught = set().union(*PRECISE.values(), *BROAD.values())
    # tests/testing/test_kit.py, and the last one tests/plugins/test_contract.py
    elsewhere = {"spec[declared]", "spec[light]"}
    assert set(CHECK_NAMES) - caught - elsewhere == set()


@pytest.mark.parametrize(
    ("name", "check", "words"),
    [
        ("always_log", "scale[start]", "linear: half of 300 values lie below 0.01"),
        ("numpy_scalars", "space[int]", "of type int64, expected a plain int"),
        ("bool_for_int", "space[ordered]", "of type bool"),
        ("upper_end_never", "due[int]", "int=5 came 0 of 1,200 times, due are 240 ± 60"),
        ("forgets_failures", "failures[half]", "nothing can ever wake it"),
        ("step_lost", "space[float_step]", "is not 0.0 plus a multiple of 0.25"),
        ("infeasible_again", "failures[infeasible]", "raised RuntimeError: no room left"),
        ("hash_seed", "seed[process]", "PYTHONHASHSEED=0"),
        ("deaf", "inject[used]", "are the same with 12 foreign points and without"),
        ("any_option", "options[unknown]", "takes the option 'no_such_option'"),
        ("pending_forgotten", "snapshot[continued]", "ask(1) gave 1 suggestions, expected 0"),
        ("loses_last", "finite", "of 12 points it proposed 11"),
        ("touches_global", "seed[untouched]", "global state of numpy.random"),
        ("rounds_by_context", "surroundings[numbers]", "with decimal.getcontext().prec = 3"),
        ("needs_folder", "surroundings[process]", "with a current folder that was deleted: Fi"),
        ("runs_loop", "surroundings[thread]", "cannot be called from a running event loop"),
        ("changes_environment", "surroundings[kept]", "it changes os.environ['FAKE_RUNS']"),
    ],
)
def test_a_failure_says_what_was_seen(name, check, words, checked):
    assert words in checked(name, check)[check].detail


@pytest.mark.parametrize("fault", ["half_ends", "always_log", "deadlocks_on_late", "deaf"])
def test_few_trials_catch_the_same(fault, checked):
    results = checked(fault, *PRECISE[fault], startup=10, trials=4)
    assert bad(results) == PRECISE[fault]


def test_few_trials_pass_a_sound_backend(checked):
    assert bad(checked("sound", startup=10, trials=4)) == set()
