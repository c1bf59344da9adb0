"""Provider: the engines of SkillFactory as models of inspect_ai, `skillfactory/MODEL`, in this process.

inspect asks one response at a time, and our engines are fast with many at once. So a request waits a moment for others,
and they are answered as one batch, in a thread.
"""

from collections import Counter
from collections.abc import Sequence
from hashlib import sha256
from typing import Any

import anyio
import attrs
from inspect_ai.model import (
    ChatCompletionChoice,
    ChatMessage,
    ChatMessageAssistant,
    GenerateConfig,
    ModelAPI,
    ModelOutput,
    ModelUsage,
    StopReason,
    modelapi,
)
from inspect_ai.tool import ToolChoice, ToolInfo

from skillfactory_core import registry
from skillfactory_core.choices import find_model, open_engine
from skillfactory_core.config import Config, model_settings
from skillfactory_core.engine import Engine, Generation, Model, Request, Sampling, stream_seed
from skillfactory_core.errors import SkillFactoryError
from skillfactory_inspect.refusal import in_one_line

GATHER = 0.05
"seconds without a new request after which a batch begins"
OURS = ("temperature", "top_p", "top_k", "max_tokens")
"what inspect sets of our sampling; it has no repetition penalty, which is a model argument here (-M)"
ITS_OWN = {
    *("max_retries", "timeout", "attempt_timeout", "stream_idle_timeout", "max_connections", "adaptive_connections"),
    *("system_message", "cache", "cache_prompt", "reasoning_history", "fail_on_refusal", "seed"),
    *("max_tool_output", "parallel_tool_calls", "internal_tools"),
}
"settings of inspect that change nothing for an engine, or that inspect itself sees to"
STOPS: dict[str, StopReason] = {"stop": "stop", "length": "max_tokens"}


@attrs.define(eq=False)
class Waiting:
    """A request that is to be answered."""

    request: Request
    sampling: Sampling
    generation: Generation | None = None


@modelapi(name="skillfactory")
class SkillFactoryAPI(ModelAPI):
    """A model's registered name, a folder or a Hub name, under any engine. Weights are loaded by the first request."""

    def __init__(
        self,
        model_name: str,
        base_url: str | None = None,
        api_key: str | None = None,
        config: GenerateConfig = GenerateConfig(),  # noqa: B008 - as inspect calls it
        engine: str = "transformers",
        repetition_penalty: float | None = None,
        **engine_options: Any,
    ) -> None:
        """`engine`, `repetition_penalty` and the options of the engine are model arguments: -M engine=vllm."""
        super().__init__(model_name, base_url, api_key, [], config)
        with in_one_line():
            if base_url is not None:
                raise SkillFactoryError("a skillfactory model has no base URL: name an engine and its options (-M)")
            self.model = find_model(model_name)
            self.kind: type[Engine] = registry.find(registry.ENGINE, engine)
            self.usual = usual_sampling(self.model, repetition_penalty)
            sampling_of(config, self.usual)
        self.settings = Config(task="", engine=engine, engine_options=engine_options)
        self.engine: Engine | None = None
        self.waiting: list[Waiting] = []
        self.turn = anyio.Lock()
        self.asked: Counter[str] = Counter()

    async def generate(
        self, input: list[ChatMessage], tools: list[ToolInfo], tool_choice: ToolChoice, config: GenerateConfig
    ) -> ModelOutput:
        """Wait for company, then for the engine."""
        if tools:
            raise SkillFactoryError(f"model '{self.model_name}' calls no tools: leave out {tools[0].name}")
        one = Waiting(self.request(input, config.seed or 0), sampling_of(config, self.usual))
        self.waiting.append(one)
        try:
            async with self.turn:
                if one.generation is None:
                    await self.gather()
                    batch = [w for w in self.waiting if w.generation is None and w.sampling == one.sampling]
                    await anyio.to_thread.run_sync(self.answer, batch, one.sampling)
        finally:
            self.waiting.remove(one)
        return output(one.generation, self.model_name)

    def request(self, messages: Sequence[ChatMessage], seed: int) -> Request:
        """A request with a stream of its own: the same messages asked again, as in epochs, are another draw of it."""
        said = tuple({"role": each.role, "content": plain(each)} for each in messages)
        digest = sha256(repr(said).encode("utf-8", "surrogatepass")).hexdigest()
        key = f"{digest}/{self.asked[digest]}"
        self.asked[digest] += 1
        return Request(key, said, stream_seed(seed, key))

    async def gather(self) -> None:
        """Wait until nothing more comes."""
        before = -1
        while len(self.waiting) > before:
            before = len(self.waiting)
            await anyio.sleep(GATHER)

    def answer(self, batch: Sequence[Waiting], sampling: Sampling) -> None:
        """Fill in the generations of a batch, in a thread."""
        if self.engine is None:
            self.engine = open_engine(self.kind, self.model.path, self.settings)
        by_key = {one.request.key: one for one in batch}
        for start in range(0, len(batch), self.engine.chunk):
            requests = [one.request for one in batch[start : start + self.engine.chunk]]
            for generation in self.engine.generate(requests, sampling):
                by_key[generation.key].generation = generation

    def close(self) -> None:
        if self.engine is not None:
            self.engine.close()
            self.engine = None


def usual_sampling(model: Model, repetition_penalty: float | None) -> Sampling:
    """The sampling of an evaluation with this model: the paper's, with what suits the model on top."""
    brought = model_settings(model.settings, "paper", "").get("evaluate_sampling", {}) if model.settings else {}
    usual = attrs.evolve(Config(task="").evaluate_sampling, **brought)
    if repetition_penalty is None:
        return usual
    return changed(usual, {"repetition_penalty": repetition_penalty})


def sampling_of(config: GenerateConfig, usual: Sampling) -> Sampling:
    """Our sampling from inspect's settings. One that an engine cannot follow is refused, never left out."""
    said = {name: value for name, value in config.model_dump(exclude_none=True).items() if value is not False}
    for name in said:
        if name not in OURS and name not in ITS_OWN:
            raise SkillFactoryError(
                f"setting '{name}' of inspect means nothing to a skillfactory model: leave it out; there is {', '.join(OURS)}, seed"
            )
    return changed(usual, {name: said[name] for name in OURS if name in said})


def changed(usual: Sampling, values: dict[str, Any]) -> Sampling:
    try:
        return attrs.evolve(usual, **values)
    except (TypeError, ValueError) as error:
        raise SkillFactoryError(f"sampling of a skillfactory model: {error.args[0]}") from error


def plain(message: ChatMessage) -> str:
    """The text of a message."""
    if message.role == "tool" or not (
        isinstance(message.content, str) or all(part.type in ("text", "reasoning") for part in message.content)
    ):
        raise SkillFactoryError(
            f"a {message.role} message holds more than text, which a skillfactory model cannot read"
        )
    return str(message.text)


def output(generation: Generation | None, model: str) -> ModelOutput:
    """A generation as inspect has it. How long the prompt was, an engine does not say."""
    if generation is None or generation.error:
        why = generation.error if generation else "the engine left out the request"
        raise SkillFactoryError(f"model '{model}' gave no response: {why}")
    said = ChatMessageAssistant(content=generation.text, model=model, source="generate")
    stop = STOPS.get(generation.finish, "unknown")
    usage = ModelUsage(output_tokens=generation.tokens, total_tokens=generation.tokens)
    return ModelOutput(model=model, choices=[ChatCompletionChoice(message=said, stop_reason=stop)], usage=usage)
