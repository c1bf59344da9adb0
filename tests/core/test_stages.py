"""Stages on records made by hand: what is graded, what is dropped, what a trace is made of, what is counted."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from random import Random
from typing import Any

import attrs
import pytest
from conftest import Outcome

from skillfactory_core import registry
from skillfactory_core.attempt import Attempt, Grade, GradedAttempt
from skillfactory_core.choices import choose
from skillfactory_core.config import Config, SampleSettings
from skillfactory_core.engine import Engine, Generation, Request, Sampling, stream_seed
from skillfactory_core.engines.scripted import ScriptedEngine
from skillfactory_core.errors import SkillFactoryError
from skillfactory_core.problem import Problem
from skillfactory_core.progress import Progress
from skillfactory_core.prompts import Prompt, PromptSet
from skillfactory_core.reflection import Reflection
from skillfactory_core.run import Run, open_run, start_run
from skillfactory_core.skill import Phrase
from skillfactory_core.stages.generate import complete_parts, generate_part
from skillfactory_core.stages.grade import grade, grade_text, why_not
from skillfactory_core.stages.problems import make_problems
from skillfactory_core.stages.rearrange import Rearranger, distinct, lessons, rearrange
from skillfactory_core.stages.reflect import reflect, reflection
from skillfactory_core.stages.sample import attempt, sample
from skillfactory_core.strategy import Arrangement, Pair
from skillfactory_core.table import Table
from skillfactory_core.task import Task
from skillfactory_skills.algorithm1 import Algorithm1
from skillfactory_skills.sample_reflect import register_tag_formats

(TAGS,) = register_tag_formats()
COUNTDOWN: Task = registry.find(registry.TASK, "countdown")
PROBLEM = Problem("countdown/3/train/0", "countdown", "3", "train", 0, {"numbers": [3, 7, 25], "target": 46}, "?", "h")
PROMPTS = PromptSet(
    "hand",
    "",
    (Prompt("original", "{question}"),),
    (Prompt("check", "Check: {attempt}"), Prompt("judge", "Judge: {attempt}")),
    Prompt("final", "{question}", "Be brief."),
)
BANKS = {bank: (Phrase(f"{bank}.", f"{bank}:1"),) for bank in ("correct", "incorrect", "generic", "closing")}
RIGHT, WRONG = "7 * 3 + 25", "7 + 3 + 25"


@attrs.frozen
class Rude(Task):
    """A task whose grader does as the answer says."""

    name = "rude"
    summary = answer_kind = ""

    def grade(self, params: Mapping[str, Any], answer: str) -> Grade:
        if answer == "raise":
            raise RecursionError("deep")
        if answer == "none":
            return None  # type: ignore[return-value]
        return Grade(answer == "right", answer, "ok" if answer == "right" else answer)


def tried(text: str, k: int = 0, problem: str = PROBLEM.key) -> Attempt:
    return Attempt(f"{problem}/original/{k}", problem, "original", k, text, 3, "stop")


def answered(answer: str, k: int = 0) -> Attempt:
    return tried(f"So {answer} it is. <answer>{answer}</answer>", k)


def graded(a: Attempt, correct: bool, reason: str = "", answer: str | None = "1") -> GradedAttempt:
    return GradedAttempt(a.key, a.problem, correct, answer, reason or ("ok" if correct else "wrong"))


def criticised(text: str, correct: bool, finish: str = "stop", error: str = "") -> Reflection:
    a = answered("1")
    generation = Generation(f"{a.key}/check/0", text, 2, finish, error)
    return reflection(generation, {a.key: graded(a, correct)}, TAGS)


@pytest.fixture
def run(empty: Run) -> Run:
    """A run with one problem, whose settings ask for two reflections per attempt."""
    run = attrs.evolve(
        empty, config=attrs.evolve(empty.config, reflect=attrs.evolve(empty.config.reflect, reflections=2))
    )
    run.problems("train", "3").finish(0, [PROBLEM])
    return run


def engine(reply: Callable[[Request], str]) -> Engine:
    return ScriptedEngine("", 0, reply)


def honest(request: Request) -> str:
    """Critiques that are always true."""
    text = request.messages[-1]["content"]
    claim = "Correct" if RIGHT in text else "Incorrect"
    return f"I checked that, number {request.seed % 97}. <verdict>{claim}</verdict>"


def traces_of(run: Run, reply: Callable[[Request], str] = honest, skills: Sequence[str] = ("verify", "retry")) -> None:
    """Grade, reflect and rearrange."""
    grade(run, TAGS, PROMPTS)
    reflect(run, PROMPTS, engine(reply), TAGS)
    found = [registry.find(registry.SKILL, name) for name in skills]
    rearrange(Rearranger(run, PROMPTS, TAGS, tuple(found), BANKS, Algorithm1(most_wrong=3)))


# -- sample


def test_every_problem_is_asked_in_every_prompt_several_times(finished: Path) -> None:
    run = open_run(finished)
    problems = [p.key for p in run.problems("train", "3")]
    names = ["original", "plan_and_execute", "alternatively", "rephrase"]
    assert [a.key for a in run.attempts] == [f"{p}/{name}/{k}" for p in problems for name in names for k in range(2)]


def test_every_attempt_has_a_random_stream_of_its_own(run: Run) -> None:
    seeds: dict[str, int] = {}

    def note(request: Request) -> str:
        seeds[request.key] = request.seed
        return "x"

    sample(attrs.evolve(run, config=attrs.evolve(run.config, seed=5)), PROMPTS, engine(note))
    assert len(set(seeds.values())) == len(seeds) == run.config.sample.attempts
    assert all(seed == stream_seed(5, key) for key, seed in seeds.items())


def test_attempts_are_cut_at_the_length_of_the_settings(run: Run) -> None:
    config = attrs.evolve(run.config, sampling=Sampling(max_tokens=2), sample=SampleSettings(attempts=1))
    counts = sample(attrs.evolve(run, config=config), PROMPTS, engine(lambda _: "one two three"))
    (only,) = run.attempts
    assert (only.text, only.finish, counts["cut"]) == ("one two", "length", 1)


# -- generate


def requests(count: int) -> list[Request]:
    return [Request(f"p/original/{k}", ({"role": "user", "content": "?"},), k) for k in range(count)]


def generate(table: Table[Attempt], count: int, engine: Engine, most: float = 0.05) -> None:
    with Progress("test", count, "attempts") as progress:
        generate_part(table, 0, requests(count), attempt, engine, Sampling(), most, progress)


def failing(*numbers: int) -> Callable[[Request], str]:
    def reply(request: Request) -> str:
        if request.seed in numbers:
            raise TimeoutError("no answer")
        return f"text {request.seed}"

    return reply


def test_a_few_failed_generations_are_kept_with_their_reason_and_the_part_goes_on(tmp_path: Path) -> None:
    table = Table(tmp_path, Attempt)
    generate(table, 20, engine(failing(3, 7)))
    assert [(a.k, a.error) for a in table if a.error] == [(k, "TimeoutError: no answer") for k in (3, 7)]
    assert table.count() == 20


@pytest.mark.parametrize("count", [2, 6, 40])
def test_a_part_whose_every_generation_fails_is_an_error(tmp_path: Path, count: int) -> None:
    table = Table(tmp_path, Attempt)
    with pytest.raises(SkillFactoryError, match=r"generations failed, the first with 'TimeoutError: no answer'"):
        generate(table, count, engine(failing(*range(count))))
    assert table.parts() == []


def test_too_many_failed_generations_are_an_error_and_what_succeeded_is_kept(tmp_path: Path) -> None:
    table = Table(tmp_path, Attempt)
    with pytest.raises(SkillFactoryError, match=r"11 of 100 generations failed.*run the same command again"):
        generate(table, 100, engine(failing(*range(30, 41))))
    generate(table, 100, engine(failing()))
    assert [a.text for a in table] == [f"text {k}" for k in range(100)]


@pytest.mark.parametrize(("in_batches", "first"), [(False, 10), (True, 8)])
def test_what_is_in_the_journal_is_not_generated_again(tmp_path: Path, in_batches: bool, first: int) -> None:
    class Once(ScriptedEngine):
        chunk = 4
        together = in_batches

    table = Table(tmp_path, Attempt)
    table.append(0, [attempt(Generation(r.key, f"kept {r.seed}", 1, "stop")) for r in requests(20)[:10]])
    asked: list[int] = []

    def reply(request: Request) -> str:
        asked.append(request.seed)
        return f"fresh {request.seed}"

    generate(table, 20, Once("", 0, reply))
    # A batch that was cut in two is asked as a whole again: batched arithmetic rounds differently in other company.
    assert asked == list(range(first, 20))
    assert [a.text for a in table] == [f"kept {k}" for k in range(10)] + [f"fresh {k}" for k in range(10, 20)]


def test_each_generation_is_on_disk_before_the_next_is_awaited(tmp_path: Path) -> None:
    table = Table(tmp_path, Attempt)
    on_disk = []

    def reply(request: Request) -> str:
        on_disk.append(len(table.journal(0).read_text().splitlines()) if table.journal(0).exists() else 0)
        return "text"

    generate(table, 6, engine(reply))
    assert on_disk == list(range(6))


def test_an_engine_is_told_when_nobody_listens_any_more(tmp_path: Path) -> None:
    closed = []

    class Open(ScriptedEngine):
        def generate(self, requests: Sequence[Request], sampling: Sampling) -> Iterator[Generation]:
            try:
                yield from super().generate(requests, sampling)
            finally:
                closed.append(True)

    with pytest.raises(SkillFactoryError, match="generations failed"):
        generate(Table(tmp_path, Attempt), 100, Open("", 0, failing(*range(30))))
    assert closed[-1]


def test_a_task_that_has_fewer_problems_than_are_asked_for_says_so(
    empty: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    config = attrs.evolve(empty.config, task_options={"largest": 3}, sample=SampleSettings(problems=100000))
    counts = make_problems(attrs.evolve(empty, config=config), ["train"])
    assert (
        f"problems: task 'countdown' has {counts['train-3']:,} in split 'train' of 3, not 100,000"
        in capsys.readouterr().err
    )


def test_an_option_that_an_engine_does_not_have_is_one_line(empty: Run) -> None:
    from skillfactory_core.pipeline import Pipeline

    config = attrs.evolve(empty.config, engine_options={"bogus": 1})
    with pytest.raises(SkillFactoryError, match=r"engine 'world'.*bogus"):
        Pipeline(attrs.evolve(empty, config=config)).engine("scripted")


def test_an_option_that_a_trainer_does_not_have_is_one_line(empty: Run) -> None:
    from skillfactory_core.choices import open_trainer
    from skillfactory_core.trainers.trl import TrlTrainer

    config = attrs.evolve(empty.config, trainer_options={"bogus": 1})
    with pytest.raises(SkillFactoryError, match=r"trainer 'trl' has no option 'bogus' \(sf trainers\)"):
        open_trainer(TrlTrainer, config)


def test_the_order_in_which_an_engine_answers_does_not_matter(tmp_path: Path) -> None:
    class Backwards(ScriptedEngine):
        def generate(self, requests: Sequence[Request], sampling: Sampling) -> Iterator[Generation]:
            return super().generate(requests[::-1], sampling)

    tables = [Table(tmp_path / kind.__name__, Attempt) for kind in (ScriptedEngine, Backwards)]
    for table, kind in zip(tables, (ScriptedEngine, Backwards), strict=True):
        generate(table, 20, kind("", 0, failing()))
    assert tables[0].part(0).read_bytes() == tables[1].part(0).read_bytes()


def test_a_request_that_the_engine_forgets_counts_as_failed(tmp_path: Path) -> None:
    class Forgetful(ScriptedEngine):
        def generate(self, requests: Sequence[Request], sampling: Sampling) -> Iterator[Generation]:
            return super().generate(requests[1:], sampling)

    table = Table(tmp_path, Attempt)
    generate(table, 20, Forgetful("", 0, failing()))
    assert [a.k for a in table if a.error == "the engine gave nothing"] == [0, 8, 16]


# -- grade


@pytest.mark.parametrize(
    ("text", "correct", "reason"),
    [
        (f"<answer>{RIGHT}</answer>", True, "ok"),
        (f"<answer>{WRONG}</answer>", False, "wrong"),
        (RIGHT, False, "no_answer"),
        (f"<answer>{RIGHT}</answer><answer>{WRONG}</answer>", False, "wrong"),
    ],
)
def test_an_attempt_is_graded_by_its_last_answer(run: Run, text: str, correct: bool, reason: str) -> None:
    run.attempts.finish(0, [tried(text), answered(RIGHT, 1)])
    grade(run, TAGS, PROMPTS)
    first = next(iter(run.grades))
    assert (first.correct, first.reason) == (correct, reason)


@pytest.mark.parametrize("answer", ["raise", "none"])
def test_a_grader_that_breaks_is_a_crash_and_not_a_wrong_answer(answer: str) -> None:
    assert grade_text(Rude(), PROBLEM, f"<answer>{answer}</answer>", TAGS, final=False) == Grade(False, answer, "crash")


def test_a_failed_generation_is_not_graded(run: Run) -> None:
    run.attempts.finish(0, [attrs.evolve(tried(""), error="no answer"), answered(RIGHT, 1)])
    assert grade(run, TAGS, PROMPTS)["graded"] == 1


def test_no_right_attempt_at_all_is_an_error_that_says_what_to_change(run: Run) -> None:
    run.attempts.finish(0, [answered(WRONG, k) for k in range(3)])
    with pytest.raises(SkillFactoryError, match=r"none of the 3 attempts is right.*-o.*--model.*sample\.attempts"):
        grade(run, TAGS, PROMPTS)
    assert run.grades.count() == 3


# -- reflect


@pytest.mark.parametrize(
    ("text", "correct", "finish", "error", "dropped"),
    [
        ("<verdict>Correct</verdict>", True, "stop", "", ""),
        ("<verdict>Incorrect</verdict>", False, "stop", "", ""),
        ("<verdict>Correct</verdict>", False, "stop", "", "untrue"),
        ("<verdict>Incorrect</verdict>", True, "stop", "", "untrue"),
        ("It is correct.", True, "stop", "", "no_verdict"),
        ("<verdict>Correct</verdict><verdict>Incorrect</verdict>", True, "stop", "", "no_verdict"),
        ("<verdict>Correct</verdict> I", True, "length", "", "cut"),
        (" \n", True, "stop", "", "empty"),
        ("", True, "error", "no answer", "error"),
        ("<answer>1</answer> <verdict>Correct</verdict>", True, "stop", "", "tags"),
        ("</reflect> <verdict>Correct</verdict>", True, "stop", "", "tags"),
        ("</verdict> <verdict>Correct</verdict>", True, "stop", "", "tags"),
    ],
)
def test_only_whole_true_critiques_pass_the_filter(
    text: str, correct: bool, finish: str, error: str, dropped: str
) -> None:
    assert criticised(text, correct, finish, error).dropped == dropped


def test_a_crash_or_timeout_is_never_reflected_on() -> None:
    a = answered("1")
    assert why_not(a, graded(a, False), TAGS) == ""
    for reason in ("crash", "timeout"):
        assert why_not(a, graded(a, False, reason), TAGS) == "unchecked"


@pytest.mark.parametrize(
    ("a", "answer", "why"),
    [
        (tried("no answer"), None, "no_answer"),
        (tried("</think><answer>1</answer>"), "1", "tags"),
        (tried("<sample><answer>1</answer></sample>"), "1", "tags"),
        (tried("<verdict>Correct</verdict><answer>1</answer>"), "1", "tags"),
        (tried("<answer>1</answer> or <answer>"), "1", "tags"),
        (tried("<answer>1</answer><answer>2</answer>"), "2", ""),
    ],
    ids=lambda value: getattr(value, "text", str(value)),
)
def test_attempts_that_fit_into_no_trace_are_left_out(a: Attempt, answer: str | None, why: str) -> None:
    assert why_not(a, graded(a, False, answer=answer), TAGS) == why


def test_an_attempt_without_a_grade_is_not_reflected_on(run: Run) -> None:
    run.attempts.finish(0, [answered(RIGHT), attrs.evolve(tried("", 1), error="no answer")])
    grade(run, TAGS, PROMPTS)
    reflect(run, PROMPTS, engine(honest), TAGS)
    assert {r.attempt for r in run.reflections} == {answered(RIGHT).key}


def test_reflections_are_dealt_over_the_prompts_in_turn(run: Run) -> None:
    run.attempts.finish(0, [answered(RIGHT)])
    grade(run, TAGS, PROMPTS)
    reflect(run, PROMPTS, engine(honest), TAGS)
    assert [r.key for r in run.reflections] == [
        f"{PROBLEM.key}/original/0/check/0",
        f"{PROBLEM.key}/original/0/judge/1",
    ]


def test_what_the_filter_drops_is_counted_by_reason(run: Run) -> None:
    texts = [answered(RIGHT), answered(WRONG, 1), tried("no", 2), tried("</think><answer>1</answer>", 3)]
    run.attempts.finish(0, [*texts, attrs.evolve(tried("", 4), error="no answer")])
    graded_counts = grade(run, TAGS, PROMPTS)
    assert {k: v for k, v in graded_counts.items() if k.startswith("dropped")} == {
        "dropped_no_answer": 1,
        "dropped_tags": 1,
    }
    assert reflect(run, PROMPTS, engine(lambda _: "<verdict>Correct</verdict>"), TAGS) == {
        "reflections": 4,
        "failed": 0,
        "tokens": 4,
        "kept": 2,
        "dropped_untrue": 2,
        "right_attempts_kept": 1,
        "wrong_attempts_kept": 0,
    }


# -- rearrange


def test_a_trace_is_made_of_pieces_found_word_for_word_where_their_source_says(finished: Path) -> None:
    run = open_run(finished)
    texts = {a.key: a.text for a in run.attempts} | {r.key: r.text for r in run.reflections}
    answers = {g.attempt: g.answer for g in run.grades}
    banks = choose(run.config).banks
    phrases = {(bank, phrase.source): phrase.text for bank in banks for phrase in banks[bank]}
    traces = list(run.traces)
    assert traces
    for trace in traces:
        assert "".join(s.text for s in trace.segments) == trace.completion
        for segment in trace.segments:
            bank = segment.source.split(":")[0]
            expected = {
                "tag": segment.text,
                "attempt": texts.get(segment.source, "").strip(),
                "reflection": texts.get(segment.source, "").strip(),
                "glue": phrases.get((bank, segment.source)),
                "closing": phrases.get(("closing", segment.source)),
                "answer": answers.get(segment.source),
            }[segment.kind]
            assert segment.text == expected


def test_traces_parse_as_what_they_are_made_of_and_end_right(finished: Path) -> None:
    run = open_run(finished)
    grades = {g.attempt: g for g in run.grades}
    problems = {p.key: p for p in run.problems("train", "3")}
    for trace in run.traces:
        parsed = TAGS.parse(trace.completion)
        sources = [s.source for s in trace.segments if s.kind == "attempt"]
        assert parsed.well_formed
        assert [t.verdict for t in parsed.tries] == [grades[source].correct for source in sources]
        assert [t.answer for t in parsed.tries] == [grades[source].answer for source in sources]
        assert all(source.startswith(f"{trace.problem}/") for source in sources)
        assert COUNTDOWN.grade(problems[trace.problem].params, parsed.answer or "").correct


def test_glue_is_drawn_from_the_bank_of_the_grade_before_it_or_the_generic_one(finished: Path) -> None:
    seen = set()
    for trace in open_run(finished).traces:
        before = None
        for segment in trace.segments:
            if segment.kind == "attempt":
                before = segment.correct
            elif segment.kind == "glue":
                bank = segment.source.split(":")[0]
                assert bank in ("generic", "correct" if before else "incorrect")
                seen.add((before, bank))
    assert seen == {(True, "correct"), (True, "generic"), (False, "incorrect"), (False, "generic")}


def test_a_reflection_in_a_trace_is_on_the_attempt_before_it(finished: Path) -> None:
    for trace in open_run(finished).traces:
        kinds = [s for s in trace.segments if s.kind in ("attempt", "reflection")]
        for tried_one, critique in zip(kinds[::2], kinds[1::2], strict=True):
            assert critique.source.startswith(f"{tried_one.source}/")


def test_no_untrue_critique_and_no_unchecked_attempt_reaches_a_trace(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    run.attempts.finish(0, [answered(RIGHT), answered(WRONG, 1), answered("crash", 2), answered("timeout", 3)])
    right = COUNTDOWN.grade

    def rude(task: Task, params: Mapping[str, Any], answer: str) -> Grade:
        return Grade(False, answer, answer) if answer in ("crash", "timeout") else right(params, answer)

    monkeypatch.setattr(type(COUNTDOWN), "grade", rude)
    claims = iter(["Correct", "Incorrect"] * 4)
    traces_of(run, lambda _: f"<verdict>{next(claims)}</verdict>")
    sources = {
        s.source.removeprefix(f"{PROBLEM.key}/") for t in run.traces for s in t.segments if s.kind == "reflection"
    }
    assert sources <= {"original/0/check/0", "original/1/judge/1"} and "original/0/check/0" in sources


def test_an_attempt_whose_critiques_are_all_untrue_is_in_no_trace(run: Run) -> None:
    run.attempts.finish(0, [answered(RIGHT), answered(f"{RIGHT} + 0 * 1", 1), answered(WRONG, 2)])
    traces_of(run, lambda _: "<verdict>Correct</verdict>")
    assert {s.source[-1] for t in run.traces for s in t.segments if s.kind == "attempt"} == {"0"}


def test_without_a_skill_that_reflects_traces_hold_no_reflection(run: Run) -> None:
    run.attempts.finish(0, [answered(RIGHT, k) for k in range(3)] + [answered(WRONG, k) for k in range(3, 9)])
    traces_of(run, skills=["retry"])
    kinds = [[s.kind for s in t.segments] for t in run.traces]
    assert kinds and not any("reflection" in k for k in kinds)
    assert all(TAGS.parse(t.completion).well_formed for t in run.traces)


def test_without_a_skill_that_retries_a_trace_holds_one_attempt(run: Run) -> None:
    run.attempts.finish(0, [answered(RIGHT, k) for k in range(5)] + [answered(WRONG, k) for k in range(5, 9)])
    traces_of(run, skills=["verify"])
    assert [sum(s.kind == "attempt" for s in t.segments) for t in run.traces] == [1] * run.traces.count()


def test_traces_of_a_problem_do_not_depend_on_other_problems(run: Run, tmp_path: Path, config: Config) -> None:
    other = attrs.evolve(PROBLEM, key="countdown/3/train/1", index=1)
    both = attrs.evolve(start_run(tmp_path / "both", config), config=run.config)
    both.problems("train", "3").finish(0, [other, PROBLEM])
    mine = [answered(RIGHT if k % 2 else WRONG, k) for k in range(8)]
    theirs = [tried(a.text, a.k, other.key) for a in mine[:5]]
    run.attempts.finish(0, mine)
    both.attempts.finish(0, theirs + mine)
    traces_of(run)
    traces_of(both)
    assert list(run.traces) == [t for t in both.traces if t.problem == PROBLEM.key]


def test_every_problem_is_arranged_by_a_random_stream_of_its_own(run: Run) -> None:
    problems = [attrs.evolve(PROBLEM, key=f"countdown/3/train/{k}", index=k) for k in range(6)]
    run.problems("train", "3").finish(0, problems)
    run.attempts.finish(0, [tried(answered(RIGHT).text, k, p.key) for p in problems for k in range(9)])
    traces_of(run)
    shapes = {p.key: [] for p in problems}
    for trace in run.traces:
        shapes[trace.problem].append(sum(s.kind == "attempt" for s in trace.segments))
    assert len(set(map(tuple, shapes.values()))) > 1


def test_the_most_traces_of_a_problem_are_kept_to(run: Run) -> None:
    settings = attrs.evolve(run.config.rearrange, per_problem=2)
    limited = attrs.evolve(run, config=attrs.evolve(run.config, rearrange=settings))
    limited.attempts.finish(0, [answered(RIGHT, k) for k in range(12)])
    traces_of(limited)
    assert limited.traces.count() == 2


def test_a_trace_shows_no_attempt_text_twice_if_asked_and_keeps_its_last() -> None:
    first, repeated = (Pair(tried("a", k), "1", False, None) for k in (0, 1))
    other, last, early = (Pair(tried(text, k), "1", True, None) for k, text in ((2, "b"), (3, "c"), (4, "c")))
    assert distinct(Arrangement((first, early, repeated, other, last))).pairs == (first, other, last)


def test_no_trace_at_all_is_an_error_that_says_what_to_change(run: Run) -> None:
    run.attempts.finish(0, [answered(RIGHT), answered(WRONG, 1)])
    with pytest.raises(SkillFactoryError, match=r"there are no traces.*sample\.attempts.*reflect\.reflections"):
        traces_of(run, lambda _: "<verdict>Incorrect</verdict>")


def test_lessons_are_the_final_prompt_and_the_completion(run: Run) -> None:
    run.attempts.finish(0, [answered(RIGHT)])
    traces_of(run)
    (trace, *_), (lesson, *_) = run.traces, lessons(run)
    system, user = {"role": "system", "content": "Be brief."}, {"role": "user", "content": PROBLEM.question}
    assert lesson == ((system, user), trace.completion)


# -- evaluate and GRPO, on the finished run


def test_responses_are_graded_by_the_final_answer_rule(finished: Path) -> None:
    run = open_run(finished)
    problems = {p.key: p for p in run.problems("evaluation", "4")}
    responses = list(run.responses("base", "4"))
    assert len(responses) == 5 * 2
    for response in responses:
        found = grade_text(COUNTDOWN, problems[response.problem], response.text, TAGS, final=True)
        assert (response.correct, response.answer, response.reason) == (found.correct, found.answer, found.reason)


def test_every_method_answers_the_same_problems(finished: Path) -> None:
    run = open_run(finished)
    asked = {m: [r.problem for r in run.responses(m, "5")] for m in ("base", "sft", "skillfactory", "rl-only")}
    assert len(set(map(tuple, asked.values()))) == 1


def test_the_splits_of_a_run_share_no_problem(finished: Path) -> None:
    run = open_run(finished)
    splits = {split: {p.hash for p in run.problems(split, "3")} for split in ("train", "rl", "evaluation")}
    assert all(splits.values())
    assert sum(map(len, splits.values())) == len(set().union(*splits.values()))


def test_the_reward_is_one_for_a_right_final_answer_and_zero_otherwise(
    sf: Callable[..., Outcome], copied: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import shutil

    trainer = registry.find(registry.TRAINER, "still")
    scores: list[Any] = []

    def rewarded(self: Any, model: str, questions: Any, reward: Any, folder: Path, *_: Any) -> None:
        (folder / "model").mkdir(parents=True)
        right = {p.key: COUNTDOWN.reference(p.params) for p in open_run(copied).problems("rl", "3")}
        for q in questions:
            tries = f"<think><sample><answer>{right[q.key]}</answer></sample></think>"
            texts = (f"{tries}<answer>{right[q.key]}</answer>", f"{tries}<answer>1</answer>", tries)
            scores.extend(reward(q.key, text, "stop") for text in texts)

    monkeypatch.setattr(trainer, "grpo", rewarded)
    shutil.rmtree(copied / "7-grpo" / "skillfactory")
    assert sf("grpo", copied, "--method", "skillfactory").code == 0
    assert [s.value for s in scores] == [1.0, 0.0, 0.0] * (len(scores) // 3) and scores
    assert scores[0].figures == {"answers": 1.0, "reflections": 0.0, "well_formed": 1.0}
    assert scores[2].figures["well_formed"] == 0.0


def test_a_random_stream_depends_on_the_seed_and_the_key() -> None:
    assert stream_seed(0, "a") == stream_seed(0, "a")
    assert len({stream_seed(seed, key) for seed in range(3) for key in ("a", "b", "1\0a")}) == 9
    assert all(0 <= stream_seed(seed, "a") < 2**63 for seed in range(100))
    assert Random(stream_seed(0, "a")).random() != Random(stream_seed(1, "a")).random()


def test_failed_generations_are_retried_and_the_others_are_not(run: Run) -> None:
    table = run.attempts
    requests = [Request(f"{PROBLEM.key}/original/{k}", (), seed=k) for k in range(4)]
    asked: list[int] = []

    def flaky(fails: bool) -> Callable[[Request], str]:
        def reply(request: Request) -> str:
            asked.append(request.seed)
            if fails and request.seed == 2:
                raise TimeoutError("gone")
            return f"reply {request.seed}"

        return reply

    def fill(fails: bool) -> None:
        if 0 not in complete_parts(table):
            with Progress("test", 4, "attempts") as progress:
                generate_part(table, 0, requests, attempt, engine(flaky(fails)), Sampling(), 0.5, progress)

    fill(fails=True)
    assert [bool(a.error) for a in table.read(0)] == [False, False, True, False]
    fill(fails=False)
    assert [a.text for a in table.read(0)] == [f"reply {k}" for k in range(4)]
    count = len(asked)
    fill(fails=False)
    assert len(asked) == count, "a complete part asks for nothing"


def test_an_attempt_cut_by_the_length_limit_is_in_no_trace(run: Run) -> None:
    cut = attrs.evolve(answered(RIGHT), finish="length")
    assert why_not(cut, graded(cut, True), TAGS) == "cut"
    assert why_not(answered(RIGHT), graded(answered(RIGHT), True), TAGS) == ""
