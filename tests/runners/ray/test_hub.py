"""The actor between driver and workers, without Ray: what is for whom."""

from __future__ import annotations

import asyncio

from hpo_bridge_ray.hub import Hub


def test_an_order_to_a_worker_that_died_does_not_reach_its_next_life():
    async def story():
        hub = Hub("setup")
        assert await hub.join("w", "first", "host:1") == "setup"
        waiting = asyncio.create_task(hub.next("w", "first", []))
        await asyncio.sleep(0)
        (joined, idle) = await hub.exchange([], 1.0)
        # It dies while it waits, and is up again before the driver knows.
        await hub.join("w", "second", "host:2")
        again = asyncio.create_task(hub.next("w", "second", []))
        await asyncio.sleep(0)
        news = await hub.exchange([("run", joined[1], 0, {}, 1, None)], 0.0)
        assert await waiting == ("stop",)
        assert not again.done()
        assert [kind for kind, *_ in news] == ["lost", "joined", "idle"]
        assert news[0][1] == joined[1] == idle[1] != news[1][1] == news[2][1]
        await hub.exchange([("run", news[1][1], 0, {}, 1, None)], 0.0)
        assert await again == ("run", 0, {}, 1, None)

    asyncio.run(story())


def test_what_a_former_life_says_is_not_passed_on():
    async def story():
        hub = Hub("setup")
        await hub.join("w", "first", "host:1")
        await hub.join("w", "second", "host:1")
        await hub.exchange([], 0.0)
        await hub.say("w", "first", [("begun", 0)])
        assert await hub.watch("w", "first"), "it is to leave"
        assert await hub.should_prune("w", "first", 0, [("report", 0, 1, 2.0)])
        assert await hub.exchange([], 0.0) == []
        await hub.say("w", "second", [("begun", 0)])
        ((kind, worker, number),) = await hub.exchange([], 0.0)
        assert (kind, worker.partition("/")[0], number) == ("begun", "w", 0)

    asyncio.run(story())


def test_a_question_comes_after_what_was_said_before_it():
    async def story():
        hub = Hub("setup")
        await hub.join("w", "life", "host:1")
        ((_, worker, _),) = await hub.exchange([], 0.0)
        asked = asyncio.create_task(hub.should_prune("w", "life", 0, [("report", 0, 1, 2.0)]))
        await asyncio.sleep(0)
        news = await hub.exchange([("answer", worker, True)], 0.0)
        assert news == [("report", worker, 0, 1, 2.0), ("prune", worker, 0)]
        assert await asked

    asyncio.run(story())
