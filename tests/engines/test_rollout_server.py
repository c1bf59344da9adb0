"""Roll-outs of GRPO by servers: what is asked, what comes of the answers, and every way in which that can go wrong."""

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from fake_server import FakeServer, Talk, error, misbehaviour, response

from skillfactory_core.engine import Sampling
from skillfactory_core.engines.decode import Reply
from skillfactory_core.errors import SkillFactoryError
from skillfactory_core.trainers.rollout_server import RolloutServers

END = 2
SAMPLING = Sampling(temperature=0.9, top_p=0.8, top_k=7, repetition_penalty=1.0, max_tokens=5)


def drawn(body: dict[str, Any]) -> list[int]:
    """Tokens that depend on the request alone: some end, some are cut."""
    count = body["seed"] % 7
    tokens = [10 + body["prompt"][0] + place for place in range(count)]
    return [*tokens, END] if count < body["max_tokens"] else tokens[: body["max_tokens"]]


class Vllm(FakeServer):
    """What a server of vLLM says to roll-outs."""

    rpc = reset = response(200, b"{}")

    def __init__(self) -> None:
        super().__init__()
        self.told: list[tuple[str, dict[str, Any]]] = []
        self.asked: list[dict[str, Any]] = []
        self.misbehave = ""

    def answer(self, path: str, headers: dict[str, str], content: bytes, talk: Talk) -> None:
        if path in ("/collective_rpc", "/reset_prefix_cache"):
            self.told.append((path, json.loads(content)))
            talk.send(self.rpc if path == "/collective_rpc" else self.reset)
        elif path == "/v1/completions":
            body = json.loads(content)
            self.asked.append(body)
            tokens = drawn(body)
            finish = "stop" if tokens[-1:] == [END] else "length"
            logprobs = {"token_logprobs": [-0.5] * len(tokens)}
            choice = {"token_ids": tokens, "logprobs": logprobs, "finish_reason": finish}
            right = json.dumps({"choices": [choice]}).encode()
            again = sum(other["seed"] == body["seed"] for other in self.asked) > 1
            wrong = self.misbehave and not again
            talk.expect()
            talk.send(misbehaviour(self.misbehave, right) if wrong else response(200, right), bool(wrong))
        else:
            super().answer(path, headers, content, talk)


@pytest.fixture
def server() -> Iterator[Vllm]:
    with Vllm() as fake:
        yield fake


def replies(server: Vllm, count: int = 40) -> list[Reply]:
    with closing(RolloutServers(server.url, 5, 0)) as servers:
        servers.load(Path("/weights"))
        return servers.draw([[row, 1] for row in range(count)], list(range(count)), SAMPLING, {END})


def expected(count: int = 40) -> list[Reply]:
    made = []
    for row in range(count):
        tokens = drawn({"prompt": [row], "seed": row, "max_tokens": SAMPLING.max_tokens})
        ended = tokens[-1:] == [END]
        made.append(Reply(tokens[:-1] if ended else tokens, ended, [-0.5] * len(tokens)))
    return made


def test_replies_are_tokens_with_their_probabilities_in_the_order_of_the_prompts(server: Vllm) -> None:
    made = replies(server)
    assert made == expected()
    assert {reply.ended for reply in made} == {True, False}


def test_the_weights_are_told_before_and_what_was_remembered_is_forgotten(server: Vllm) -> None:
    replies(server, 1)
    weights = {"method": "reload_weights", "kwargs": {"weights_path": "/weights"}}
    assert server.told == [("/collective_rpc", weights), ("/reset_prefix_cache", {})]


def test_every_parameter_is_sent(server: Vllm) -> None:
    replies(server, 1)
    assert server.asked == [
        {
            "model": "fake",
            "prompt": [0, 1],
            "temperature": 0.9,
            "top_p": 0.8,
            "top_k": 7,
            "repetition_penalty": 1.0,
            "max_tokens": 5,
            "min_p": 0.0,
            "presence_penalty": 0.0,
            "frequency_penalty": 0.0,
            "seed": 0,
            "stop_token_ids": [END],
            "logprobs": 0,
            "return_token_ids": True,
        }
    ]


@pytest.mark.parametrize("wrong", ["503", "500", "junk", "429:0", "shut", "half"])
def test_what_may_pass_is_asked_again(server: Vllm, wrong: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("skillfactory_core.engines.server.FIRST_WAIT", 0.01)
    server.misbehave = wrong
    assert replies(server) == expected()


def test_a_server_that_gives_no_tokens_is_one_line(server: Vllm) -> None:
    server.misbehave = "empty"
    with pytest.raises(SkillFactoryError, match="gives no tokens: start it with sf serve MODEL --rollouts"):
        replies(server)


@pytest.mark.parametrize(
    ("rpc", "reset", "reason"),
    [
        (response(404, error("Not Found")), None, "takes no weights: start it with sf serve MODEL --rollouts"),
        (
            response(500, error("no such folder")),
            None,
            r"did not take the weights in /weights: no such folder \(it has",
        ),
        (None, response(200, b'{"success": false}'), "is at work for somebody else"),
    ],
    ids=["no path", "no folder", "busy"],
)
def test_a_server_that_does_not_take_the_weights_is_one_line(
    server: Vllm, rpc: bytes | None, reset: bytes | None, reason: str
) -> None:
    server.rpc, server.reset = rpc or server.rpc, reset or server.reset
    with pytest.raises(SkillFactoryError, match=reason) as caught:
        replies(server)
    assert "\n" not in str(caught.value)
    assert not server.asked


def test_a_server_that_goes_away_ends_the_training_for_it_may_be_back_with_old_weights(server: Vllm) -> None:
    with closing(RolloutServers(server.url, 5, 0)) as servers:
        servers.load(Path("/weights"))
        server.stop()
        try:
            with pytest.raises(
                SkillFactoryError, match=r"cannot be reached: .*training goes on from its last checkpoint"
            ):
                servers.draw([[1]], [0], SAMPLING, {END})
        finally:
            server.start()


def test_a_server_that_is_not_there_is_one_line() -> None:
    with closing(RolloutServers("http://127.0.0.1:9/v1", 5, 0)) as servers:
        with pytest.raises(SkillFactoryError, match=r"cannot be reached: .*start it and run the same command again"):
            servers.load(Path("/weights"))


def test_a_request_that_the_server_refuses_is_one_line(server: Vllm) -> None:
    server.misbehave = "400:the prompt is too long"
    with pytest.raises(SkillFactoryError, match=r"a roll-out failed: .*the prompt is too long"):
        replies(server)


def test_a_key_is_sent_and_told_to_nobody(server: Vllm, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VLLM_API_KEY", "sesame-7")
    server.rpc = response(500, error("who are you, sesame-7?"))
    with pytest.raises(SkillFactoryError, match="who are you, \\[key\\]") as caught:
        replies(server)
    assert "sesame" not in str(caught.value)
