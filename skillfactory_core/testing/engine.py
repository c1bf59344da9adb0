"""Check an engine: what `Engine` promises about requests, generations and being stopped."""

import threading
import time
from collections.abc import Generator, Iterator, Sequence
from typing import Any

import attrs

from skillfactory_core.choices import find_model
from skillfactory_core.engine import Engine, Generation, Request, Sampling, stream_seed
from skillfactory_core.errors import SkillFactoryError
from skillfactory_core.testing.demand import demand

FINISHES = ("stop", "length", "error")
SAMPLING = Sampling(max_tokens=16)
ASKED = ("How many?", "What is 3 plus 4?", "Größer oder kleiner als ٣?", "Say nothing.", "A line\nand another.")
LINGERS = 10.0
"seconds after `close` in which threads of an engine have to end"


def plain_requests(count: int = 5) -> list[Request]:
    """Requests of one user message each; the last of them has its first words already written."""
    made = []
    for number in range(count):
        key = f"kit/default/train/{number}/kit/0"
        messages = ({"role": "user", "content": ASKED[number % len(ASKED)]},)
        made.append(Request(key, messages, stream_seed(0, key), "Well, " if number == count - 1 else ""))
    return made


def check_engine(
    engine: type[Engine],
    model: str,
    requests: Sequence[Request] = (),
    unanswerable: Request | None = None,
    exact: bool = True,
    **options: Any,
) -> None:
    """Ask an engine with a model: a registered name, a folder, or whatever else it takes. `options` are those of `[engine_options]`.

    `requests`: what to ask, at least three; some plain questions where none are given. `unanswerable`: a request that has to end
    in an error. `exact`: the same request gives the same text a second time and in other company; say no where the numbers of a
    device or a server do not allow it.
    """
    name = f"engine '{engine.name}'"
    demand(isinstance(engine.chunk, int) and engine.chunk > 0, f"{name}: chunk is {engine.chunk!r}")
    path = path_of(model)
    check_options(engine, path)
    asked = list(requests) or plain_requests()
    before = set(threading.enumerate())
    with engine(path, 0, **options) as opened:
        whole = answers(opened, asked, SAMPLING)
        refused = next((given for given in whole.values() if given.finish == "error"), None)
        demand(refused is None, f"{name}: a plain question ended in an error: {refused and refused.error}")
        stopped_early(opened, asked)
        again = answers(opened, list(reversed(asked)), SAMPLING)
        for key in whole if exact else ():
            demand(again[key] == whole[key], f"{name}: {key} gave {again[key].text!r:.80}, and {whole[key].text!r:.80}")
        if exact and not opened.together:
            alone = answers(opened, asked[:1], SAMPLING)[asked[0].key]
            demand(alone == whole[alone.key], f"{name}: {alone.key} depends on its company: {alone.text!r:.80}")
        short = answers(opened, asked, attrs.evolve(SAMPLING, max_tokens=1))
        longest = max(short.values(), key=lambda given: given.tokens)
        demand(longest.tokens <= 1, f"{name}: {longest.key} has {longest.tokens} tokens, and max_tokens was 1")
        demand(answers(opened, [], SAMPLING) == {}, f"{name}: no request, and a generation")
        if unanswerable is not None:
            mixed = answers(opened, [asked[0], unanswerable, asked[1]], SAMPLING)
            failed = {key for key, given in mixed.items() if given.finish == "error"}
            demand(failed == {unanswerable.key}, f"{name}: these end in an error: {', '.join(failed) or 'none'}")
    check_nothing_lingers(name, before)


def path_of(model: str) -> str:
    """Where a registered model is; anything else is for the engine to understand."""
    try:
        return find_model(model).path
    except SkillFactoryError:
        return model


def check_options(engine: type[Engine], path: str) -> None:
    """An option that there is not is refused before any work."""
    try:
        engine(path, 0, no_such_option=1).close()
    except (SkillFactoryError, TypeError):
        return
    raise AssertionError(f"engine '{engine.name}' takes an option 'no_such_option': pass what is unknown to Engine")


def answers(engine: Engine, requests: Sequence[Request], sampling: Sampling) -> dict[str, Generation]:
    """key -> generation; each request has exactly one, and each is whole."""
    name = f"engine '{engine.name}'"
    prefixes = {request.key: request.prefix for request in requests}
    found: dict[str, Generation] = {}
    for given in generations(engine, requests, sampling):
        demand(isinstance(given, Generation), f"{name} gave {given!r:.80}, which is no Generation")
        demand(given.key in prefixes, f"{name} answered '{given.key}', which nobody asked")
        demand(given.key not in found, f"{name} answered '{given.key}' twice")
        check_generation(f"{name}: {given.key}", given, prefixes[given.key])
        found[given.key] = given
    missing = [key for key in prefixes if key not in found]
    demand(not missing, f"{name} gave nothing for {', '.join(missing[:3])}: end it with finish 'error' and the reason")
    return found


def generations(engine: Engine, requests: Sequence[Request], sampling: Sampling) -> Iterator[Generation]:
    """What `generate` yields; one bad request must not end it."""
    try:
        yield from engine.generate(requests, sampling)
    except Exception as error:
        raise AssertionError(
            f"engine '{engine.name}' raised {type(error).__name__} ({error}): yield a generation that ends in 'error'"
        ) from error


def check_generation(name: str, given: Generation, prefix: str) -> None:
    demand(given.finish in FINISHES, f"{name}: finish is {given.finish!r}: it has to be one of {', '.join(FINISHES)}")
    demand(isinstance(given.text, str), f"{name}: text is {given.text!r:.40}")
    demand(type(given.tokens) is int and given.tokens >= 0, f"{name}: tokens is {given.tokens!r}")
    failed = given.finish == "error"
    demand(bool(given.error) == failed, f"{name}: finish is {given.finish!r} with the error {given.error!r:.80}")
    demand(failed or given.text.startswith(prefix), f"{name}: the text does not begin with the request's prefix")


def stopped_early(engine: Engine, requests: Sequence[Request]) -> None:
    """The generator is closed after its first generation: it ends at once, and the engine can be asked again."""
    running = engine.generate(requests, SAMPLING)
    demand(
        isinstance(running, Generator),
        f"engine '{engine.name}': generate is no generator, so nothing can stop it: yield from it",
    )
    assert isinstance(running, Generator)
    next(running)
    try:
        running.close()
    except RuntimeError as error:
        raise AssertionError(
            f"engine '{engine.name}' goes on after its generator was closed: let GeneratorExit through"
        ) from error


def check_nothing_lingers(name: str, before: set[threading.Thread]) -> None:
    """After `close`, the threads of an engine end; those marked as daemons may stay."""
    until = time.monotonic() + LINGERS
    while left := [thread.name for thread in set(threading.enumerate()) - before if not thread.daemon]:
        demand(time.monotonic() < until, f"{name}: threads go on after close: {', '.join(left)}")
        time.sleep(0.05)
