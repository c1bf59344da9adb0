"""Roll-outs of GRPO by vLLM servers (`sf serve MODEL --rollouts`), which get the new weights before each step.

The weights go through a folder that trainer and servers both see, so this works on a CPU, on a GPU and over machines with a
shared disk alike. Requests are tokens, and so are replies: what is trained on is what was drawn.
"""

import asyncio
import json
import shutil
from collections.abc import Collection, Coroutine, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from queue import SimpleQueue
from random import Random
from typing import TYPE_CHECKING, Any

from skillfactory_core.engine import Generation, Request, Sampling
from skillfactory_core.engines.background import Background
from skillfactory_core.engines.chat import Failure, message, parameters, parse, refusal
from skillfactory_core.engines.chat import Reply as Answer
from skillfactory_core.engines.connections import Connections
from skillfactory_core.engines.dispatch import Dispatch
from skillfactory_core.engines.openai import address, allow_files, listed, read_key
from skillfactory_core.engines.server import Server, Terms
from skillfactory_core.errors import SkillFactoryError

if TYPE_CHECKING:
    from skillfactory_core.engines.decode import Reply

MOST = 1024
"requests in flight to one server"
RETRIES = 10
KEY = "VLLM_API_KEY"


class RolloutServers:
    """Some servers that hold the model that is being trained."""

    def __init__(self, urls: str | Sequence[str], timeout: float, seed: int) -> None:
        terms = Terms("", "", MOST, timeout, (), KEY, read_key(KEY), Random(f"{seed}-rollouts"))
        self.servers = [TokenServer(url, terms) for url in dict.fromkeys(map(address, listed(urls)))]
        self.dispatch = Dispatch(self.servers, terms, RETRIES)
        self.background = Background()
        allow_files(len(self.servers) * MOST)

    def load(self, weights: Path) -> None:
        """Have all servers take the weights of a folder."""
        ended: SimpleQueue[BaseException | None] = SimpleQueue()

        def begin() -> None:
            for server in self.servers:
                task = asyncio.ensure_future(server.load(weights))
                task.add_done_callback(lambda done: ended.put(done.exception()))

        self.background.call(begin)
        for error in [ended.get() for _ in self.servers]:
            if error is not None:
                raise error

    def draw(
        self, prompts: Sequence[list[int]], seeds: Sequence[int], sampling: Sampling, ends: Collection[int]
    ) -> "list[Reply]":
        """A reply to each prompt (token ids); `seeds[i]` is the stream of prompt i."""
        requests = [Request(str(row), (), seed) for row, seed in enumerate(seeds)]
        asked = {request.key: prompt for request, prompt in zip(requests, prompts, strict=True)}
        replies: dict[str, Reply] = {}
        for server in self.servers:
            server.prompts, server.ends, server.replies = asked, ends, replies
        with closing(self.dispatch.generations(self.background, requests, sampling)) as generations:
            for generation in generations:
                if generation.error:
                    raise SkillFactoryError(
                        f"a roll-out failed: {generation.error}; run the same command again to go on"
                    )
        return [replies[request.key] for request in requests]

    def close(self) -> None:
        self.background.finish(self.dispatch.close())
        self.background.close()


class TokenServer(Server):
    """One of them. A server that went away may be back with the weights it started with, so its absence ends the training."""

    def __init__(self, url: str, terms: Terms) -> None:
        super().__init__(url, terms)
        self.above = Connections(url.removesuffix("/v1"), terms.key)
        "for the paths that are not OpenAI's"
        self.prompts: Mapping[str, list[int]] = {}
        self.ends: Collection[int] = ()
        self.replies: dict[str, Reply] = {}

    async def ask(self, request: Request, sampling: Sampling) -> Generation:
        from skillfactory_core.engines.decode import Reply

        fields = {
            "model": self.name,
            "prompt": self.prompts[request.key],
            **parameters(sampling, request.seed),
            "stop_token_ids": sorted(self.ends),
            "logprobs": 0,
            "return_token_ids": True,
        }
        reply = await self._post(self.connections, "/completions", fields)
        if reply.status != 200:
            raise refusal(reply, KEY)
        found = parse(reply)
        try:
            choice = found["choices"][0]
            drawn, logps, finish = choice["token_ids"], choice["logprobs"]["token_logprobs"], choice["finish_reason"]
            ended = finish == "stop" and drawn[-1] in self.ends
        except (KeyError, IndexError, TypeError) as error:
            raise SkillFactoryError(f"{self.url} gives no tokens: start it with sf serve MODEL --rollouts") from error
        if finish not in ("stop", "length") or len(drawn) != len(logps):
            raise Failure(f"{self.url} ended a roll-out with '{finish}'")
        self.replies[request.key] = Reply(drawn[:-1] if ended else drawn, ended, logps)
        return Generation(request.key, "", len(drawn), "stop" if ended else "length")

    async def load(self, weights: Path) -> None:
        """Take the weights of a folder; what was remembered under the old ones is forgotten."""
        with self._hiding():
            await self._load(weights)

    async def _load(self, weights: Path) -> None:
        if not self.known:
            await self._sure(self.learn_name())
        taken = {"method": "reload_weights", "kwargs": {"weights_path": str(weights)}}
        for path, fields in (("/collective_rpc", taken), ("/reset_prefix_cache", {})):
            reply = await self._post(self.above, path, fields)
            if reply.status in (404, 405):
                raise SkillFactoryError(f"{self.url} takes no weights: start it with sf serve MODEL --rollouts")
            if reply.status != 200:
                raise SkillFactoryError(
                    f"{self.url} did not take the weights in {weights}: {message(reply.body)} (it has to see that folder, and to "
                    "serve a model of the same shape)"
                )
        if parse(reply).get("success") is False:
            raise SkillFactoryError(f"{self.url} is at work for somebody else: roll-outs need a server of their own")

    async def _post(self, connections: Connections, path: str, fields: Mapping[str, Any]) -> "Answer":
        with self._hiding():
            content = json.dumps(fields).encode("ascii")
            answer: Answer = await self._sure(connections.exchange("POST", path, content, self.terms.timeout))
            return answer

    async def _sure(self, work: Coroutine[Any, Any, Any]) -> Any:
        try:
            return await work
        except Failure as failure:
            if failure.cure == "down":
                raise SkillFactoryError(
                    f"{failure.reason} (a server of roll-outs; start it and run the same command again: training goes on from its "
                    "last checkpoint)"
                ) from failure
            raise

    async def close(self) -> None:
        await super().close()
        await self.above.close()

    def served(self, listing: Mapping[str, Any]) -> tuple[str, str]:
        """Whatever it is: its weights are replaced."""
        ids = [entry.get("id") for entry in listing.get("data") or () if isinstance(entry, dict)]
        return (str(ids[0]), "") if ids else ("", "no model that it would name")


class Weights:
    """What TRL asks to bring the weights to where completions are made."""

    def __init__(self, servers: RolloutServers, trainer: Any, folder: Path) -> None:
        self.servers, self.trainer, self.folder = servers, trainer, folder

    def sync_weights(self) -> None:
        """All processes come here; the first one writes and tells the servers."""
        import torch
        from safetensors.torch import save_file

        crew = self.trainer.accelerator
        state = crew.get_state_dict(self.trainer.model)
        if crew.is_main_process:
            if crew.device.type != "cpu":
                # The numbers of the server: half the bytes.
                state = {name: value.to(torch.bfloat16) for name, value in state.items()}
            shutil.rmtree(self.folder, ignore_errors=True)
            model = crew.unwrap_model(self.trainer.model)
            model.save_pretrained(self.folder, state_dict=state)
            if crew.device.type == "cpu" and model.config.tie_word_embeddings:
                # There a server has a matrix for the output alone: see serve.untie.
                output = {"lm_head.weight": model.get_output_embeddings().weight.detach().clone()}
                save_file(output, self.folder / "output.safetensors")
            self.servers.load(self.folder.resolve())
        crew.wait_for_everyone()
