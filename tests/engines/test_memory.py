"""A batch that does not fit into memory is done in halves, and what failed lets go of its memory before that."""

import weakref
from collections.abc import Sequence
from typing import Any

import pytest

from skillfactory_core import registry
from skillfactory_core.engine import Request, Sampling
from skillfactory_core.engines import decode
from skillfactory_core.engines.transformers import TransformersEngine

torch = pytest.importorskip("torch")
SAMPLING = Sampling(temperature=1.0, top_p=1.0, top_k=0, repetition_penalty=1.0, max_tokens=8)
REQUESTS = [
    Request(key=f"{number}", messages=({"role": "user", "content": f"Make {number} from 2, 3, 5."},), seed=number)
    for number in range(6)
]


class Cache:
    """What a batch holds."""


@pytest.mark.parametrize(("room", "failed"), [(2, 0), (1, 0), (0, 6)])
def test_a_batch_is_halved_until_it_fits_and_holds_nothing_meanwhile(
    monkeypatch: pytest.MonkeyPatch, room: int, failed: int
) -> None:
    whole, held = decode.decode, weakref.WeakSet[Cache]()

    def small(model: Any, prompts: Sequence[Any], *rest: Any) -> Any:
        assert not held, "the batch that failed still has its memory"
        cache = Cache()
        held.add(cache)
        if len(prompts) > room:
            raise torch.OutOfMemoryError("no room\nand more of that")
        return whole(model, prompts, *rest)

    with TransformersEngine(registry.find(registry.MODEL, "pocket").path, 0) as engine:
        expected = {one.key: one for one in engine.generate(REQUESTS, SAMPLING)}
        monkeypatch.setattr(decode, "decode", small)
        found = list(engine.generate(REQUESTS, SAMPLING))
    assert sorted(one.key for one in found) == sorted(expected)
    assert [one.error for one in found if one.error] == ["out of memory: no room"] * failed
    assert failed or {one.key: one.text for one in found} == {key: one.text for key, one in expected.items()}
