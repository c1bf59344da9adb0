"""Chat: the body of one request to a server, and what its reply says: a generation, or why there is none."""

import json
import re
import time
from collections.abc import Collection
from email.utils import parsedate_to_datetime
from typing import Any, Literal

import attrs

from skillfactory_core.engine import Generation, Request, Sampling
from skillfactory_core.errors import SkillFactoryError

LONGEST_REST = 60.0
"seconds that a server's Retry-After can ask for"
NEUTRAL = {"top_p": 1, "top_k": 0, "repetition_penalty": 1}
"parameter -> the value with which leaving it out says the same, to a server that has no setting of its own for it"
ALWAYS = {"min_p": 0.0, "presence_penalty": 0.0, "frequency_penalty": 0.0}
"off; unsent, llama.cpp has a min_p of its own, and vLLM may take one from the model's file"
DROPPABLE = (*NEUTRAL, *ALWAYS, "seed")
BUSY = {429, 502, 503, 504, 529}
"the server, or what stands before it, has no room: ask it less"
AGAIN = {408, 425}
HOPELESS = {404, 405, 410}
"every other request would get the same answer"
REFUSING = re.compile(
    r"unrecognized|unknown|unsupported|not (supported|permitted|allowed)|does not support|unexpected|extra[_ ]"
)
"how servers say that they do not know a parameter"


@attrs.define
class Failure(Exception):
    """Why a request got no generation, and what that means for the next."""

    reason: str
    cure: Literal["none", "again", "busy", "down"] = "again"
    """none: this request is lost. again: it may do better. busy: its server is to be asked less, and rests a while.
    down: its server was not reached"""
    rest: float = 0.0
    "seconds that the server asked for"
    doubt: bool = False
    "whether the server may have gone away"


@attrs.frozen
class Reply:
    """What a server sent."""

    status: int
    body: bytes
    retry_after: str = ""
    address: str = ""
    "the server's, for errors"


def parameters(sampling: Sampling, seed: int) -> dict[str, Any]:
    """Every parameter of sampling, by the names that servers have for them."""
    return {
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        # 0 means off to us and to vLLM; -1 means it to vLLM, SGLang and llama.cpp.
        "top_k": sampling.top_k or -1,
        "repetition_penalty": sampling.repetition_penalty,
        "max_tokens": sampling.max_tokens,
        **ALWAYS,
        "seed": seed,
    }


def body(request: Request, sampling: Sampling, model: str, drop: Collection[str]) -> bytes:
    """One generation per request, so that it does not matter whether a server heeds `n`. Every parameter is sent: servers
    fill what is missing from the model's own file."""
    messages = list(request.messages)
    fields: dict[str, Any] = {
        "model": model,
        "messages": messages,
        **parameters(sampling, request.seed),
        "n": 1,
        "stream": False,
    }
    if request.prefix:
        messages.append({"role": "assistant", "content": request.prefix})
        fields |= {"add_generation_prompt": False, "continue_final_message": True}
    for name in drop:
        del fields[name]
    return json.dumps(fields).encode("ascii")


def check_drop(drop: Collection[str], sampling: Sampling) -> None:
    """A parameter may be left out where that changes nothing; otherwise config.toml would tell of another sampling."""
    for name in drop:
        if name in NEUTRAL and getattr(sampling, name) != NEUTRAL[name]:
            raise SkillFactoryError(
                f"engine 'openai': drop leaves out {name}, which is {getattr(sampling, name)}: set it to {NEUTRAL[name]}, which is off "
                f"(-s sampling.{name}={NEUTRAL[name]} -s evaluate_sampling.{name}={NEUTRAL[name]}), in a new run"
            )


def read(request: Request, reply: Reply, key_variable: str) -> Generation:
    """The generation of a reply; raises Failure, or a SkillFactoryError where every other request would fare alike."""
    if reply.status != 200:
        raise refusal(reply, key_variable)
    found = parse(reply)
    try:
        choice = found["choices"][0]
        text, finish = choice["message"]["content"], choice["finish_reason"]
    except (KeyError, IndexError, TypeError) as error:
        raise Failure(f"{reply.address} gave no choice: {brief(reply.body)}") from error
    if not isinstance(text, str):
        raise Failure(f"{reply.address} gave a choice without text: {brief(reply.body)}")
    if finish not in ("stop", "length"):
        raise Failure(
            f"{reply.address} ended a reply with '{finish}'", "again" if finish in (None, "abort") else "none"
        )
    usage = found.get("usage")
    tokens = usage.get("completion_tokens") if isinstance(usage, dict) else None
    return Generation(request.key, request.prefix + text, tokens if isinstance(tokens, int) else 0, finish)


def parse(reply: Reply) -> dict[str, Any]:
    """The JSON object of a reply."""
    try:
        found = json.loads(reply.body.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise Failure(f"{reply.address} sent text that is not UTF-8: {brief(reply.body)}") from error
    except (ValueError, RecursionError) as error:
        raise Failure(f"{reply.address} sent invalid JSON: {brief(reply.body)}") from error
    if not isinstance(found, dict):
        raise Failure(f"{reply.address} sent no JSON object: {brief(reply.body)}")
    return found


def refusal(reply: Reply, key_variable: str) -> Failure | SkillFactoryError:
    """What a status other than 200 means."""
    status, said = reply.status, f"{reply.address} answered {reply.status}: {message(reply.body)}"
    if status in BUSY:
        return Failure(said, "busy", rest=seconds(reply.retry_after))
    if status in AGAIN or status >= 500:
        return Failure(said, rest=seconds(reply.retry_after))
    if status in (401, 403):
        return SkillFactoryError(
            f"{said} (put a valid key into the environment variable {key_variable} and run the same command again)"
        )
    if status == 402:
        return SkillFactoryError(said)
    if status in HOPELESS or status < 400:
        return SkillFactoryError(
            f"{said} (check engine_options.base_urls, which mostly ends in /v1, and engine_options.model_name)"
        )
    field = refused(message(reply.body)) if status in (400, 422) else ""
    if not field:
        return Failure(said, "none")
    cure = f"leave it out with -s engine_options.drop={field}" if field in DROPPABLE else "take another server"
    if field in NEUTRAL:
        cure = f"start a new run with sampling.{field} and evaluate_sampling.{field} at {NEUTRAL[field]}, and {cure}"
    return SkillFactoryError(f"{said} (it does not take {field}: {cure})")


def refused(text: str) -> str:
    """The parameter that a server says it does not take; empty where it says something else."""
    low = text.lower()
    names = (*DROPPABLE, "max_tokens", "temperature", "continue_final_message", "add_generation_prompt")
    named = [name for name in names if re.search(rf"\b{name}\b", low)]
    return named[0] if named and REFUSING.search(low) else ""


def message(content: bytes) -> str:
    """What an error says, from the places where servers put it."""
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        return brief(content)
    for name in ("error", "message", "detail"):
        if isinstance(found, dict) and found.get(name):
            found = found[name]
    return brief(found.encode("utf-8", "replace") if isinstance(found, str) else json.dumps(found).encode())


def brief(content: bytes) -> str:
    """The start of something long, on one line."""
    text = " ".join(content.decode("utf-8", "replace").split())
    text = "".join(c if c.isprintable() else "?" for c in text)
    return (text[:200] + " …" if len(text) > 200 else text) or "nothing"


def seconds(retry_after: str) -> float:
    """A Retry-After header in seconds from now, within bounds: a number, or a date."""
    try:
        rest = float(retry_after)
    except ValueError:
        try:
            rest = parsedate_to_datetime(retry_after).timestamp() - time.time()
        except (ValueError, OverflowError):
            return 0.0
    return min(max(rest, 0.0), LONGEST_REST) if rest == rest else 0.0
