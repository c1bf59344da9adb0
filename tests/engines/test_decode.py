"""The decoder says what plain `generate` says, whoever shares the batch, and draws from the distribution it is asked for."""

from collections.abc import Iterator
from typing import Any

import pytest
import torch

from skillfactory_core import registry
from skillfactory_core.engine import Request, Sampling
from skillfactory_core.engines import llama
from skillfactory_core.engines.decode import Reply, decode
from skillfactory_core.engines.forward import AnyForward
from skillfactory_core.engines.llama import LlamaForward
from skillfactory_core.engines.transformers import TransformersEngine, end_ids, load, prompt_ids

PROMPTS = ["Make 20 from 5, 4, 3.", "Make 31 from 9, 13, 2, 7. Plan first.", "Make 15 from 5, 10."]
GREEDY = Sampling(temperature=0, top_p=1, top_k=0, repetition_penalty=1.0, max_tokens=60)


@pytest.fixture(scope="module", params=["its own steps", "the model's own code"])
def pocket(request: pytest.FixtureRequest) -> Iterator[tuple[Any, Any]]:
    """Its own steps are those of models that are built like Llama."""
    with pytest.MonkeyPatch.context() as patch:
        if request.param == "the model's own code":
            patch.setattr(llama, "is_alike", lambda model: False)
        yield load(registry.find(registry.MODEL, "pocket").path)


def ids_of(tokenizer: Any, prompts: list[str]) -> list[list[int]]:
    return [prompt_ids(tokenizer, [{"role": "user", "content": prompt}]) for prompt in prompts]


def replies(pocket: tuple[Any, Any], prompts: list[str], sampling: Sampling, seeds: list[int]) -> list[Reply]:
    model, tokenizer = pocket
    ends = end_ids(model, tokenizer)
    return decode(model, ids_of(tokenizer, prompts), seeds, sampling, ends, tokenizer.pad_token_id)


def test_greedy_replies_equal_those_of_generate(pocket: tuple[Any, Any]) -> None:
    model, tokenizer = pocket
    ours = replies(pocket, PROMPTS, GREEDY, [1, 2, 3])
    for prompt, reply in zip(ids_of(tokenizer, PROMPTS), ours, strict=True):
        output = model.generate(torch.tensor([prompt]), max_new_tokens=60, do_sample=False)
        expected = output[0][len(prompt) :].tolist()
        assert reply.ended
        assert [*reply.tokens, tokenizer.eos_token_id] == expected


def test_a_repetition_penalty_does_what_generate_does(pocket: tuple[Any, Any]) -> None:
    model, tokenizer = pocket
    sampling = Sampling(temperature=0, top_p=1, top_k=0, repetition_penalty=1.3, max_tokens=25)
    for prompt, reply in zip(ids_of(tokenizer, PROMPTS), replies(pocket, PROMPTS, sampling, [1, 2, 3]), strict=True):
        output = model.generate(torch.tensor([prompt]), max_new_tokens=25, do_sample=False, repetition_penalty=1.3)
        assert (reply.tokens + [tokenizer.eos_token_id] * reply.ended) == output[0][len(prompt) :].tolist()


def test_a_reply_depends_on_its_seed_and_not_on_its_neighbours(pocket: tuple[Any, Any]) -> None:
    sampling = Sampling(temperature=1.0, top_p=1, top_k=0, repetition_penalty=1.0, max_tokens=60)
    together = replies(pocket, PROMPTS * 20, sampling, list(range(60)))
    alone = [replies(pocket, [(PROMPTS * 20)[i]], sampling, [i])[0] for i in range(0, 60, 7)]
    assert [together[i].tokens for i in range(0, 60, 7)] == [reply.tokens for reply in alone]
    assert len({tuple(reply.tokens) for reply in together}) > 10, "different seeds say different things"


def test_replies_that_fork_and_end_at_any_time_are_those_of_each_alone(pocket: tuple[Any, Any]) -> None:
    """With a quarter of the vocabulary as ends, texts end beside others that fork at the same step."""
    model, tokenizer = pocket
    sampling = Sampling(temperature=1.5, top_p=1, top_k=8, repetition_penalty=1.2, max_tokens=12)
    ends, prompts = set(range(0, len(tokenizer), 4)), ids_of(tokenizer, PROMPTS[:2] * 60)

    def decoded(prompts: list[list[int]], seeds: list[int]) -> list[list[int]]:
        return [r.tokens for r in decode(model, prompts, seeds, sampling, ends, tokenizer.pad_token_id)]

    alone = [decoded([prompt], [seed])[0] for seed, prompt in enumerate(prompts)]
    for rows in (120, 12, 6, 4):
        together = (decoded(prompts[at : at + rows], list(range(at, at + rows))) for at in range(0, 120, rows))
        assert [tokens for batch in together for tokens in batch] == alone, f"{rows} at a time"


def test_texts_that_are_the_same_so_far_are_computed_once_and_what_has_ended_not_at_all(
    pocket: tuple[Any, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    widths: list[int] = []
    for kind in (LlamaForward, AnyForward):
        advance = kind.advance
        monkeypatch.setattr(
            kind, "advance", lambda self, tokens, inner=advance: (widths.append(len(tokens)), inner(self, tokens))[1]
        )
    sampling = Sampling(temperature=0.7, top_p=0.9, top_k=0, repetition_penalty=1.1, max_tokens=60)
    prompts = PROMPTS * 20
    said = [
        (prompt, r.tokens)
        for prompt, r in zip(prompts, replies(pocket, prompts, sampling, list(range(60))), strict=True)
    ]
    longest = max(len(tokens) for _, tokens in said)
    expected = [
        len({(prompt, *tokens[: step + 1]) for prompt, tokens in said if len(tokens) > step}) for step in range(longest)
    ]
    assert widths == expected
    assert min(expected[:3]) >= 3 and max(expected) > 10


def test_the_same_call_gives_the_same_replies(pocket: tuple[Any, Any]) -> None:
    sampling = Sampling(max_tokens=60)
    first, second = (replies(pocket, PROMPTS * 5, sampling, list(range(15))) for _ in range(2))
    assert first == second


def test_a_reply_is_cut_at_max_tokens_and_says_so(pocket: tuple[Any, Any]) -> None:
    cut = replies(pocket, PROMPTS, Sampling(temperature=0, max_tokens=3), [1, 2, 3])
    assert [(len(reply.tokens), reply.ended) for reply in cut] == [(3, False)] * 3


@pytest.mark.parametrize(
    ("top_k", "top_p", "temperature"), [(0, 1.0, 1.0), (5, 1.0, 0.7), (0, 0.8, 1.3), (20, 0.8, 0.7)]
)
def test_first_tokens_follow_the_filtered_distribution(
    pocket: tuple[Any, Any], top_k: int, top_p: float, temperature: float
) -> None:
    """Against the filters of transformers itself: 4,000 draws, every frequency within 5 standard errors."""
    from transformers import TemperatureLogitsWarper, TopKLogitsWarper, TopPLogitsWarper

    model, tokenizer = pocket
    draws = 4000
    sampling = Sampling(temperature, top_p, top_k, 1.0, max_tokens=1)
    drawn = replies(pocket, [PROMPTS[1]] * draws, sampling, list(range(draws)))
    counts = torch.bincount(
        torch.tensor([(r.tokens or [tokenizer.eos_token_id])[0] for r in drawn]), minlength=len(tokenizer)
    )
    ids = torch.tensor(ids_of(tokenizer, [PROMPTS[1]]))
    with torch.inference_mode():
        logits = model(ids).logits[:, -1]
    logits = TemperatureLogitsWarper(temperature)(ids, logits)
    logits = TopKLogitsWarper(top_k)(ids, logits) if top_k else logits
    logits = TopPLogitsWarper(top_p)(ids, logits) if top_p < 1 else logits
    expected = logits.softmax(-1)[0]
    assert counts[expected == 0].sum() == 0, "a token outside the filter was drawn"
    error = (expected * (1 - expected) / draws).sqrt().clamp(min=1 / draws)
    assert ((counts / draws - expected).abs() / error).max() < 5


def test_the_log_probabilities_are_those_of_the_model(pocket: tuple[Any, Any]) -> None:
    model, tokenizer = pocket
    sampling = Sampling(temperature=1.0, top_p=1, top_k=0, repetition_penalty=1.0, max_tokens=60)
    (reply,) = replies(pocket, PROMPTS[:1], sampling, [5])
    (prompt,) = ids_of(tokenizer, PROMPTS[:1])
    tokens = [*reply.tokens, tokenizer.eos_token_id]
    with torch.inference_mode():
        logps = model(torch.tensor([prompt + tokens])).logits[0, len(prompt) - 1 : -1].log_softmax(-1)
    expected = logps.gather(1, torch.tensor(tokens)[:, None])[:, 0]
    assert reply.logps == pytest.approx(expected.tolist(), abs=1e-3)


def test_the_engine_answers_every_request_under_its_key() -> None:
    with TransformersEngine(registry.find(registry.MODEL, "pocket").path, seed=0) as engine:
        requests = [
            Request(f"r{i}", ({"role": "user", "content": prompt},), seed=i) for i, prompt in enumerate(PROMPTS * 3)
        ]
        found = {g.key: g for g in engine.generate(requests, Sampling(repetition_penalty=1.0, max_tokens=60))}
    assert sorted(found) == sorted(request.key for request in requests)
    assert all(g.finish == "stop" and "<answer>" in g.text for g in found.values())


def test_several_devices_share_the_work_and_say_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    from skillfactory_core.engines import transformers as engines

    path = registry.find(registry.MODEL, "pocket").path
    requests = [Request(str(i), ({"role": "user", "content": PROMPTS[i % 3]},), seed=i) for i in range(24)]
    sampling = Sampling(repetition_penalty=1.0, max_tokens=60)
    # In 32 bits: another batch rounds otherwise, and in 16 bits that shows.
    with TransformersEngine(path, 0, dtype="float32") as one:
        expected = {g.key: g for g in one.generate(requests, sampling)}
    monkeypatch.setattr(engines, "devices", lambda: ["cpu", "cpu", "cpu"])
    used = set()
    with TransformersEngine(path, 0, dtype="float32") as three:
        real = three._batch

        def seen(replica: Any, work: Any, sampling: Sampling) -> Any:
            used.add(id(replica))
            return real(replica, work, sampling)

        monkeypatch.setattr(three, "_batch", seen)
        assert {g.key: g for g in three.generate(requests, sampling)} == expected
    assert len(used) > 1
