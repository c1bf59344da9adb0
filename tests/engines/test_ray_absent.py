"""The engine `ray` without Ray: its options, and the feed that gives a dead node's work to others. With Ray: tests/engines/real."""

import asyncio
import sys
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from skillfactory_core.engine import Request, Sampling
from skillfactory_core.engines.ray import RayEngine, look_for
from skillfactory_core.engines.ray_actor import request_of, row_of
from skillfactory_core.engines.ray_feed import ALONE_TRIES, TOGETHER_TRIES, Feed, Row
from skillfactory_core.errors import SkillFactoryError


def test_without_ray_the_engine_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(SkillFactoryError, match=r"pip install 'skillfactory\[ray\]'") as caught:
        next(RayEngine("pocket", 0).generate([Request("a", (), 0)], Sampling()))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"engine": "ray"}, "its actors cannot hold the engine 'ray'"),
        ({"engine": "transformer"}, "no engine named 'transformer': did you mean 'transformers'"),
        ({"actors": 0}, "actors = 0 is neither"),
        ({"actors": [3, 2]}, "actors = .3, 2. is neither"),
        ({"actors": "many"}, "actors = 'many' is neither"),
        ({"batch": 0}, "batch = 0 is not"),
        ({"nodes": 2}, "has no option 'nodes'"),
    ],
    ids=str,
)
def test_an_option_that_makes_no_sense_is_one_line(options: dict[str, Any], reason: str) -> None:
    with pytest.raises(SkillFactoryError, match=reason):
        RayEngine("pocket", 0, **options)


def test_a_batch_is_what_the_held_engine_takes_or_a_share_that_leaves_no_actor_idle() -> None:
    engine = RayEngine("pocket", 0, actors=[1, 4])
    assert engine.batch_size(100_000) == engine.held.chunk
    assert engine.batch_size(80) == 10
    assert engine.batch_size(1) == 1
    assert RayEngine("pocket", 0, actors=4, batch=7).batch_size(100_000) == 7


def test_a_request_goes_to_an_actor_and_back_unchanged() -> None:
    request = Request("a/b/0", ({"role": "user", "content": "Zwölf? 十二"},), (1 << 63) - 1, "So")
    assert request_of(row_of(request, Sampling())) == request


def rows(*keys: str) -> list[Row]:
    return [{"key": key} for key in keys]


def feeding(work: Callable[[Feed], Coroutine[Any, Any, None]]) -> None:
    """Do some work on a feed that does not look for nodes by itself."""

    async def go() -> None:
        feed = Feed()
        feed.watching = asyncio.create_task(asyncio.sleep(0))
        await feed.look({"here", "there"})
        await work(feed)

    asyncio.run(go())


def test_a_batch_is_given_again_under_its_number_without_what_is_answered() -> None:
    async def work(feed: Feed) -> None:
        await feed.put([rows("a", "b"), rows("c")])
        assert await feed.take(0) == rows("a", "b")
        await feed.answered(["a"])
        assert await feed.take(0) == rows("b")
        assert await feed.take(1) == rows("c")
        waiting = asyncio.create_task(feed.take(2))
        await asyncio.sleep(0)
        assert not waiting.done()
        await feed.end()
        assert await waiting is None

    feeding(work)


def test_what_a_dead_node_worked_on_and_what_was_on_its_way_there_goes_to_others_once() -> None:
    async def work(feed: Feed) -> None:
        await feed.put([rows("a", "b"), rows("c"), rows("d")])
        assert await feed.begin(0, "there") == ({"a", "b"}, set())
        assert await feed.begin(1, "here") == ({"c"}, set())
        await feed.answered(["a"])
        await feed.look({"here"})
        assert await feed.take(3) == rows("b")
        assert await feed.take(4) == rows("d"), "which may have been sent to the dead node, unbegun"
        assert await feed.begin(2, "here") == (set(), set()), "the old ticket of what has a new one"
        assert await feed.begin(4, "here") == ({"d"}, set())
        await feed.look({"here"})
        assert len(feed.batches) == 5, "a node dies once"

    feeding(work)


def test_a_repeated_batch_gives_nothing_and_its_rest_gets_a_new_number() -> None:
    # Ray drops of a repetition as many rows as it had got before, whatever they hold.
    async def work(feed: Feed) -> None:
        await feed.put([rows("a", "b", "c")])
        await feed.begin(0, "here")
        await feed.answered(["a"])
        assert await feed.begin(0, "here") == (set(), set())
        assert await feed.take(1) == rows("b", "c")

    feeding(work)


def test_a_request_that_always_takes_its_actor_down_ends_alone_and_then_fails() -> None:
    async def work(feed: Feed) -> None:
        await feed.put([rows("good", "bad")])
        failed: set[str] = set()
        number = 0
        while number < len(feed.batches):
            asked, lost = await feed.begin(number, "here")
            failed |= lost
            if "bad" in asked:
                await feed.begin(number, "here")
            else:
                await feed.answered(sorted(asked))
            number += 1
        assert failed == feed.open.keys() == {"bad"}
        assert feed.tries["bad"] == TOGETHER_TRIES + ALONE_TRIES + 1
        assert feed.tries["good"] == TOGETHER_TRIES + 1

    feeding(work)


def test_the_next_call_starts_with_nothing_of_the_one_before() -> None:
    async def work(feed: Feed) -> None:
        await feed.put([rows("a")])
        await feed.begin(0, "there")
        await feed.put([rows("a", "b")])
        assert await feed.take(0) == []
        assert await feed.begin(1, "here") == ({"a", "b"}, set())

    feeding(work)


@pytest.mark.parametrize("address", ["127.0.0.1:9", "ray://127.0.0.1:9", "[::1]:9"])
def test_an_address_where_nobody_listens_is_one_line_at_once(address: str) -> None:
    with pytest.raises(SkillFactoryError, match=r"finds no cluster at .*ray start --head starts one") as caught:
        look_for(address)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("address", ["", "auto", "local"])
def test_words_of_ray_for_an_address_are_left_to_it(address: str) -> None:
    look_for(address)
