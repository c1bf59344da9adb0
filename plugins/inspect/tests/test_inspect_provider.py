"""Our engines under inspect_ai: pocket for real, and by script what is sent, together with what, and what is refused."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar

import attrs
import inspect_ai
import pytest
from inspect_ai._util.error import PrerequisiteError
from inspect_ai.dataset import Sample
from inspect_ai.model import ChatMessageUser, ContentImage, GenerateConfig, get_model
from inspect_ai.solver import Generate, TaskState, generate, solver, use_tools
from inspect_ai.tool import bash
from replay import evaluated, figures

from skillfactory_core import hookimpl, registry
from skillfactory_core.choices import find_model
from skillfactory_core.engine import Engine, Generation, Request, Sampling
from skillfactory_core.errors import SkillFactoryError
from skillfactory_core.stages.grade import grade_answer
from skillfactory_core.stages.problems import task_with
from skillfactory_core.testing import plugged
from skillfactory_inspect.provider import changed, sampling_of, usual_sampling
from skillfactory_inspect.tasks import TASKS

PAPER = Sampling(max_tokens=16384)
REFUSED = [
    {"frequency_penalty": 0.5},
    {"stop_seqs": ["."]},
    {"logprobs": True},
    {"num_choices": 2},
    {"best_of": 2},
    {"reasoning_effort": "low"},
    {"batch": True},
    {"extra_body": {"min_p": 0.1}},
]


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Two threads of torch on a busy machine wait for one another."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


class Echo(Engine):
    """Says what it was asked, and notes how."""

    name = "echo"
    summary = "says what it was asked"
    chunk = 8
    calls: ClassVar[list[tuple[tuple[Request, ...], Sampling]]] = []

    def __init__(self, model: str, seed: int, loud: bool = False) -> None:
        super().__init__(model, seed)
        self.loud = loud

    def generate(self, requests: Sequence[Request], sampling: Sampling) -> Iterator[Generation]:
        self.calls.append((tuple(requests), sampling))
        for request in reversed(requests):
            asked = request.messages[-1]["content"]
            if "fail" in asked:
                yield Generation(request.key, "", 0, "error", "the engine fell over")
            else:
                yield Generation(request.key, asked.upper() if self.loud else asked, len(asked), "length")


class Plugin:
    """A plugin with that engine."""

    @hookimpl
    def register_engines(self) -> list[type[Engine]]:
        return [Echo]


@pytest.fixture
def echo() -> Iterator[type[Echo]]:
    Echo.calls.clear()
    with plugged(Plugin(), "echo"):
        yield Echo


def plain(texts: Sequence[str], **settings: Any) -> inspect_ai.Task:
    """An inspect task that has nothing to do with ours."""
    return inspect_ai.Task(dataset=[Sample(input=text, id=text) for text in texts], solver=generate(), **settings)


def test_pocket_answers_and_is_graded_as_we_grade(tmp_path: Path) -> None:
    given = {"settings": "pocket", "problems": 4}
    log = evaluated(TASKS["countdown"](**given), "skillfactory/pocket", tmp_path, epochs=3, max_tokens=48)
    assert log.status == "success" and log.samples and len(log.samples) == 12
    tags, right = registry.find_tags("sample-reflect"), 0
    for sample in log.samples:
        options = {"largest": 15, "smallest_target": 1, "largest_target": 99}
        answer = tags.extract(sample.output.completion, final=True)
        ours = grade_answer(task_with("countdown", options), sample.metadata["params"], answer)
        assert sample.scores and sample.scores["grade"].value == ("C" if ours.correct else "I")
        assert sample.output.usage and 0 < sample.output.usage.output_tokens <= 48
        assert sample.output.stop_reason == ("max_tokens" if sample.output.usage.output_tokens == 48 else "stop")
        right += ours.correct
    assert figures(log, "grade")["accuracy"] == pytest.approx(right / 12)
    assert len({sample.output.completion for sample in log.samples}) > 4


def test_the_same_seed_says_the_same_and_another_does_not(tmp_path: Path) -> None:
    def texts(seed: int) -> list[str]:
        model = get_model("skillfactory/pocket", memoize=False)
        task = TASKS["countdown"](settings="pocket", problems=2)
        log = evaluated(task, model, tmp_path, epochs=3, max_tokens=24, seed=seed)
        return sorted(sample.output.completion for sample in log.samples or ())

    assert texts(1) == texts(1) != texts(2)


def test_requests_that_come_together_are_answered_together(echo: type[Echo], tmp_path: Path) -> None:
    model = get_model("skillfactory/pocket", engine="echo", memoize=False)
    texts = [f"text {number}" for number in range(20)]
    log = evaluated(plain(texts), model, tmp_path, max_connections=20)
    assert {s.id: s.output.completion for s in log.samples or ()} == {text: text for text in texts}
    assert all(s.output.stop_reason == "max_tokens" for s in log.samples or ())
    assert [len(requests) for requests, _ in echo.calls] == [8, 8, 4]


def test_each_sampling_has_batches_of_its_own(echo: type[Echo], tmp_path: Path) -> None:
    @solver
    def warm() -> Any:
        async def solve(state: TaskState, generate: Generate) -> TaskState:
            return await generate(state, temperature=float(state.input_text))

        return solve

    model = get_model("skillfactory/pocket", engine="echo", memoize=False)
    task = inspect_ai.Task(dataset=[Sample(input=str(n % 2)) for n in range(6)], solver=warm())
    log = evaluated(task, model, tmp_path)
    assert log.status == "success"
    assert {(s.temperature, r.messages[0]["content"]) for rs, s in echo.calls for r in rs} == {(0.0, "0"), (1.0, "1")}
    assert all(len({r.seed for r in requests}) == len(requests) for requests, _ in echo.calls)


def test_model_arguments_are_the_engine_and_its_options(echo: type[Echo], tmp_path: Path) -> None:
    model = get_model("skillfactory/pocket", engine="echo", loud=True, repetition_penalty=1.3, memoize=False)
    log = evaluated(plain(["hello"]), model, tmp_path, temperature=0.0, top_k=5)
    assert log.samples and log.samples[0].output.completion == "HELLO"
    ((_, sampling),) = echo.calls
    assert sampling == attrs.evolve(PAPER, temperature=0.0, top_k=5, repetition_penalty=1.3, max_tokens=768)


def test_what_an_engine_could_not_generate_is_an_error_of_its_sample_alone(echo: type[Echo], tmp_path: Path) -> None:
    model = get_model("skillfactory/pocket", engine="echo", memoize=False)
    log = evaluated(plain(["good", "fail"]), model, tmp_path, fail_on_error=False)
    errors = {sample.id: sample.error and sample.error.message for sample in log.samples or ()}
    assert errors["good"] is None and "gave no response: the engine fell over" in str(errors["fail"])


def test_what_inspect_sets_is_what_is_sampled_with() -> None:
    usual = usual_sampling(find_model("owner/name"), None)
    assert usual == PAPER
    said = GenerateConfig(temperature=0.2, top_p=0.5, top_k=7, max_tokens=9, seed=3, max_connections=4, timeout=5)
    assert sampling_of(said, usual) == Sampling(0.2, 0.5, 7, 1.1, 9)
    assert sampling_of(GenerateConfig(), usual) == usual
    assert usual_sampling(find_model("pocket"), None) == attrs.evolve(PAPER, repetition_penalty=1.0, max_tokens=768)


@pytest.mark.parametrize("said", REFUSED, ids=[next(iter(said)) for said in REFUSED])
def test_a_setting_that_an_engine_cannot_follow_is_refused(said: dict[str, Any]) -> None:
    with pytest.raises(SkillFactoryError, match=f"setting '{next(iter(said))}' of inspect means nothing"):
        sampling_of(GenerateConfig(**said), PAPER)
    with pytest.raises(PrerequisiteError):
        get_model("skillfactory/pocket", config=GenerateConfig(**said), memoize=False)


def test_a_sampling_that_cannot_be_is_refused() -> None:
    with pytest.raises(SkillFactoryError, match=r"sampling of a skillfactory model: .*top_p"):
        changed(PAPER, {"top_p": 2.0})


@pytest.mark.parametrize(
    ("name", "arguments", "line"),
    [
        ("pockt", {}, "no model named 'pockt': did you mean 'pocket'?"),
        ("pocket", {"engine": "transformer"}, "no engine named 'transformer': did you mean 'transformers'?"),
        ("pocket", {"base_url": "http://127.0.0.1"}, "a skillfactory model has no base URL"),
        ("pocket", {"repetition_penalty": -1.0}, "repetition_penalty"),
    ],
)
def test_a_model_that_cannot_be_is_refused_in_one_line(name: str, arguments: dict[str, Any], line: str) -> None:
    with pytest.raises(PrerequisiteError) as refused:
        get_model(f"skillfactory/{name}", memoize=False, **arguments)
    assert line in str(refused.value.message) and "\n" not in str(refused.value.message)


def test_an_unknown_option_of_an_engine_is_told_in_the_log(echo: type[Echo], tmp_path: Path) -> None:
    model = get_model("skillfactory/pocket", engine="echo", colour="red", memoize=False)
    log = evaluated(plain(["hello"]), model, tmp_path)
    assert (
        log.status == "error" and log.error and "engine 'echo'" in log.error.message and "colour" in log.error.message
    )


def test_tools_and_pictures_are_refused(echo: type[Echo], tmp_path: Path) -> None:
    model = get_model("skillfactory/pocket", engine="echo", memoize=False)
    with_tools = inspect_ai.Task(dataset=[Sample(input="hello")], solver=[use_tools(bash()), generate()])
    log = evaluated(with_tools, model, tmp_path)
    assert log.status == "error" and log.error and "calls no tools: leave out bash" in log.error.message
    picture = ChatMessageUser(content=[ContentImage(image="data:image/png;base64,AAAA")])
    log = evaluated(inspect_ai.Task(dataset=[Sample(input=[picture])]), model, tmp_path)
    assert log.status == "error" and log.error and "holds more than text" in log.error.message
