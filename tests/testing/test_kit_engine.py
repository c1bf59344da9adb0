"""The kit and engines: a sound one passes, and of every way to be wrong the check tells which."""

import json
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import attrs
import pytest

from skillfactory_core.engine import Engine, Generation, Request, Sampling
from skillfactory_core.engines.transformers import TransformersEngine
from skillfactory_core.testing import ScriptedEngine, check_engine, plain_requests


def reply(request: Request) -> str:
    """Some words that depend on the request's seed, or an error where nothing was asked."""
    if not request.messages:
        raise LookupError("nothing was asked")
    return " ".join(f"word-{(request.seed >> shift) % 100}" for shift in range(40))


class Sound(ScriptedEngine):
    """Nothing is wrong with it."""

    name = "kit-engine"

    def __init__(self, model: str, seed: int, **options: Any) -> None:
        super().__init__(model, seed, reply, **options)


UNANSWERABLE = Request("kit/nothing", (), 0)


def test_a_sound_engine_passes() -> None:
    check_engine(Sound, "anything", unanswerable=UNANSWERABLE)


def test_the_scripted_engine_passes_with_a_script(tmp_path: Path) -> None:
    script = tmp_path / "script.json"
    script.write_text(json.dumps({"": ["One of three.", "Another, which is longer.", "The last."]}))
    check_engine(ScriptedEngine, str(script), unanswerable=UNANSWERABLE)


def test_the_default_engine_passes_with_pocket() -> None:
    check_engine(TransformersEngine, "pocket")


def test_an_engine_may_answer_in_any_order() -> None:
    class Backwards(Sound):
        def generate(self, requests: Sequence[Request], sampling: Sampling) -> Iterator[Generation]:
            yield from super().generate(requests[::-1], sampling)

    check_engine(Backwards, "anything", unanswerable=UNANSWERABLE)


def test_options_reach_the_engine() -> None:
    seen = []

    class Optional(Sound):
        def __init__(self, model: str, seed: int, level: int = 0, **options: Any) -> None:
            super().__init__(model, seed, **options)
            seen.append(level)

    check_engine(Optional, "anything", level=3)
    assert 3 in seen


def test_every_plain_request_has_a_key_of_its_own() -> None:
    asked = plain_requests(20)
    assert len({request.key for request in asked}) == 20
    assert asked[-1].prefix and not asked[0].prefix


class Changed(Sound):
    """A sound engine, but for what `change` does to its generations."""

    def change(self, given: Generation) -> Generation:
        return given

    def generate(self, requests: Sequence[Request], sampling: Sampling) -> Iterator[Generation]:
        for given in super().generate(requests, sampling):
            yield self.change(given)


def changing(**fields: Any) -> type[Engine]:
    """A generation with other fields."""
    return type("Evolved", (Changed,), {"change": lambda self, given: attrs.evolve(given, **fields)})


def generating(generate: Any) -> type[Engine]:
    return type("Generating", (Sound,), {"generate": generate})


def forgetful(self: Engine, requests: Sequence[Request], sampling: Sampling) -> Iterator[Generation]:
    yield from Sound.generate(self, requests[:2], sampling)  # type: ignore[arg-type]


def twice(self: Engine, requests: Sequence[Request], sampling: Sampling) -> Iterator[Generation]:
    yield from Sound.generate(self, [*requests, *requests], sampling)  # type: ignore[arg-type]


def raising(self: Engine, requests: Sequence[Request], sampling: Sampling) -> Iterator[Generation]:
    yield from Sound.generate(self, requests, sampling)  # type: ignore[arg-type]
    raise ConnectionError("gone")


def all_at_once(self: Engine, requests: Sequence[Request], sampling: Sampling) -> Iterator[Generation]:
    return iter(list(Sound.generate(self, requests, sampling)))  # type: ignore[arg-type]


def deaf(self: Engine, requests: Sequence[Request], sampling: Sampling) -> Iterator[Generation]:
    for given in Sound.generate(self, requests, sampling):  # type: ignore[arg-type]
        try:
            yield given
        except GeneratorExit:
            yield given


def endless(self: Engine, requests: Sequence[Request], sampling: Sampling) -> Iterator[Generation]:
    yield from Sound.generate(self, requests, attrs.evolve(sampling, max_tokens=1_000))  # type: ignore[arg-type]


def sociable(self: Engine, requests: Sequence[Request], sampling: Sampling) -> Iterator[Generation]:
    for given in Sound.generate(self, requests, sampling):  # type: ignore[arg-type]
        yield attrs.evolve(given, text=f"{given.text} {len(requests)}")


def restless(self: Engine, requests: Sequence[Request], sampling: Sampling) -> Iterator[Generation]:
    for given in Sound.generate(self, requests, sampling):  # type: ignore[arg-type]
        yield attrs.evolve(given, text=f"{given.text} {time.perf_counter_ns()}")


class Tolerant(Sound):
    def __init__(self, model: str, seed: int, **options: Any) -> None:
        super().__init__(model, seed)


@pytest.mark.parametrize(
    ("engine", "said"),
    [
        (Tolerant, "takes an option 'no_such_option'"),
        (type("Empty", (Sound,), {"chunk": 0}), "chunk is 0"),
        (generating(forgetful), "gave nothing for kit/default/train/2/kit/0"),
        (generating(twice), "answered 'kit/default/train/0/kit/0' twice"),
        (generating(raising), "raised ConnectionError (gone): yield a generation"),
        (generating(all_at_once), "generate is no generator"),
        (generating(deaf), "goes on after its generator was closed"),
        (generating(endless), "tokens, and max_tokens was 1"),
        (generating(sociable), "depends on its company"),
        (generating(restless), "gave '"),
        (changing(key="another"), "answered 'another', which nobody asked"),
        (changing(finish="eos"), "finish is 'eos': it has to be one of stop, length, error"),
        (changing(finish="error"), "finish is 'error' with the error ''"),
        (changing(error="odd"), "with the error 'odd'"),
        (changing(finish="error", error="tired"), "a plain question ended in an error: tired"),
        (changing(tokens=-1), "tokens is -1"),
        (changing(tokens=1.0), "tokens is 1.0"),
        (changing(text=None), "text is None"),
        (changing(text="again"), "the text does not begin with the request's prefix"),
        (generating(lambda self, requests, sampling: (given for given in [3])), "gave 3, which is no Generation"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_wrong_with_an_engine_is_told(engine: type[Engine], said: str) -> None:
    with pytest.raises(AssertionError) as failure:
        check_engine(engine, "anything")
    assert said in str(failure.value) and "\n" not in str(failure.value)


def test_a_request_that_cannot_be_answered_has_to_end_in_an_error_of_its_own() -> None:
    with pytest.raises(AssertionError, match="these end in an error: none"):
        check_engine(Sound, "anything", unanswerable=Request("kit/fine", plain_requests()[0].messages, 0))


def test_an_engine_that_batches_or_says_it_is_not_exact_may_give_other_texts() -> None:
    check_engine(type("Batched", (generating(sociable),), {"together": True}), "anything")
    check_engine(generating(restless), "anything", exact=False)


def test_threads_that_go_on_after_close_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("skillfactory_core.testing.engine.LINGERS", 0.2)
    released = threading.Event()

    class Lingering(Sound):
        def generate(self, requests: Sequence[Request], sampling: Sampling) -> Iterator[Generation]:
            if not released.is_set() and not any(thread.name == "left" for thread in threading.enumerate()):
                threading.Thread(target=released.wait, name="left").start()
            yield from super().generate(requests, sampling)

    try:
        with pytest.raises(AssertionError, match="threads go on after close: left"):
            check_engine(Lingering, "anything")
    finally:
        released.set()
