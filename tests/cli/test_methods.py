"""`sf run --method NAME`: ablations, and baselines that are other data."""

import json
from collections.abc import Callable
from itertools import islice
from pathlib import Path

import pytest
from conftest import START, Outcome

from skillfactory_core import registry
from skillfactory_core.run import Run, open_run

Sf = Callable[..., Outcome]


def ran(sf: Sf, runs: Path, method: str, *args: str) -> Run:
    outcome = sf(*START, runs, "--method", method, *args)
    assert outcome.code == 0, outcome.err
    return open_run(runs / "it")


def kinds(run: Run) -> set[str]:
    return {segment.kind for trace in run.traces for segment in trace.segments}


@pytest.mark.parametrize(
    "method",
    ["skillfactory", "no-sample-order", "no-reflections", "no-prompt-diversity", "star", "rejection-sampling"],
)
def test_a_method_runs_to_the_end_under_its_own_name(sf: Sf, tmp_path: Path, method: str) -> None:
    run = ran(sf, tmp_path, method)
    assert run.config.method == method
    assert run.grpo(method).exists() and run.responses(method, "3").count()
    assert method in sf("results", run.folder).out
    page = run.report.read_text()
    assert registry.find(registry.METHOD, method).title in page and "not run yet" not in page


def test_every_registered_method_is_tried_here() -> None:
    tried = {"skillfactory", "no-sample-order", "no-reflections", "no-prompt-diversity", "star", "rejection-sampling"}
    assert set(registry.registered(registry.METHOD)) == tried | {"distillation", "bolt", "none"}


def test_without_a_method_the_model_is_evaluated_as_it_is_and_nothing_else_is_made(sf: Sf, tmp_path: Path) -> None:
    run = ran(sf, tmp_path, "none")
    assert run.config.arms == ("base",) and run.responses("base", "3").count()
    assert {path.name for path in run.folder.iterdir() if path.is_dir()} == {"1-problems", "8-evaluation"}
    assert {path.name for path in (run.folder / "1-problems").iterdir()} == {f"evaluation-{n}" for n in (3, 4, 5, 6)}
    assert run.report.exists() and "base" in sf("results", run.folder).out


def test_without_sample_order_a_trace_may_end_wrong(sf: Sf, tmp_path: Path) -> None:
    shapes = [trace.shape for trace in ran(sf, tmp_path, "no-sample-order", "--until", "rearrange").traces]
    assert {shape[-1] for shape in shapes} == {"C", "I"}
    assert any(shape.count("I") >= shape.count("C") for shape in shapes)


def test_without_reflections_none_is_made_or_shown(sf: Sf, tmp_path: Path) -> None:
    run = ran(sf, tmp_path, "no-reflections", "--until", "rearrange")
    assert not run.reflections.parts() and "reflection" not in kinds(run)
    assert any(len(trace.shape) > 1 for trace in run.traces)


def test_without_prompt_diversity_there_is_one_prompt_and_the_same_number_of_attempts(sf: Sf, tmp_path: Path) -> None:
    run = ran(sf, tmp_path, "no-prompt-diversity", "--until", "sample", "-s", "sample.attempts=8")
    assert {attempt.prompt for attempt in run.attempts} == {"original"}
    assert registry.find(registry.METHOD, "no-prompt-diversity").settings["sample"]["attempts"] == 4 * 16


def test_star_learns_from_every_right_attempt_word_for_word(sf: Sf, tmp_path: Path) -> None:
    run = ran(sf, tmp_path, "star", "--until", "rearrange")
    right = {grade.attempt for grade in run.grades if grade.correct}
    texts = {attempt.key: attempt.text.strip() for attempt in run.attempts}
    limit = run.config.rearrange.per_problem or 10**6
    assert {t.segments[0].source for t in run.traces} <= right
    assert all(t.completion == texts[t.segments[0].source] for t in run.traces)
    by_problem = [sum(t.problem == p for t in run.traces) for p in {t.problem for t in run.traces}]
    assert max(by_problem) <= limit and sum(by_problem) == run.traces.count()


def test_rejection_sampling_keeps_no_text_twice_and_four_a_problem(sf: Sf, tmp_path: Path) -> None:
    seen: dict[str, list[str]] = {}
    for trace in ran(sf, tmp_path, "rejection-sampling", "--until", "rearrange").traces:
        seen.setdefault(trace.problem, []).append(trace.completion)
    assert all(len(texts) == len(set(texts)) <= 4 for texts in seen.values())


def test_rounds_sample_from_the_tuned_model_and_tune_the_base(sf: Sf, tmp_path: Path) -> None:
    run = ran(sf, tmp_path, "star", "--rounds", "3")
    first, second = (open_run(tmp_path / f"it-round-{n}") for n in (1, 2))
    assert first.config.model == "scripted"
    assert second.config.model == str(first.sft / "model") and run.config.model == str(second.sft / "model")
    assert second.config.sft.start == run.config.sft.start == "scripted"
    assert not (second.folder / "7-grpo").exists() and run.grpo("star").exists()


# -- teachers


@pytest.fixture
def lesson_file(world: None, tmp_path: Path) -> Path:
    """Twenty right responses, three to problems of the evaluation, a wrong one, a bad row, and one without an answer."""
    task = registry.find(registry.TASK, "countdown")
    pocket = {"largest": 15, "smallest_target": 1}
    import attrs

    task = attrs.evolve(task, **pocket)
    rows = []
    for split, count in (("train", 20), ("evaluation", 3)):
        for problem in islice(task.problems(0, split), count):
            response = f"<think>hm</think> <answer>{task.reference(problem.params)}</answer>"
            rows.append({"problem": problem.params, "response": response})
    first = rows[0]["problem"]
    rows += [{"problem": first, "response": "<answer>0</answer>"}, {"problem": {}, "response": ""}]
    rows += [{"problem": first, "response": "no"}]
    file = tmp_path / "teacher.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return file


@pytest.mark.parametrize("method", ["distillation", "bolt"])
def test_a_teachers_right_responses_become_traces_word_for_word(
    sf: Sf, tmp_path: Path, lesson_file: Path, method: str
) -> None:
    options = ("-o", "largest=15", "-o", "smallest_target=1", "-s", f"teacher={lesson_file}")
    run = ran(sf, tmp_path / method, method, *options)
    counts = run.finished("rearrange") or {}
    left_out = {name: count for name, count in counts.items() if name.startswith("left_out")}
    assert counts["traces"] == 20
    assert left_out == {"left_out_held_out": 3, "left_out_wrong": 1, "left_out_bad_row": 1, "left_out_no_answer": 1}
    rows = [json.loads(line) for line in lesson_file.read_text().splitlines()]
    assert [t.completion for t in run.traces] == [row["response"] for row in rows[:20]]
    assert not (run.folder / "2-attempts").exists() and run.grpo(method).exists()


def test_a_teachers_file_that_changed_is_not_gone_on_with(sf: Sf, tmp_path: Path, lesson_file: Path) -> None:
    options = ("-o", "largest=15", "-o", "smallest_target=1", "-s", f"teacher={lesson_file}")
    ran(sf, tmp_path / "runs", "bolt", *options, "--until", "rearrange")
    lesson_file.write_text(lesson_file.read_text() + "\n")
    outcome = sf(*START, tmp_path / "runs", "--method", "bolt", *options)
    assert outcome.code == 2 and "teacher's traces" in outcome.err


@pytest.mark.parametrize(
    ("args", "why"),
    [
        (["--method", "bogus"], "no method named 'bogus'"),
        (["--method", "bolt"], "give their file with -s teacher=FILE"),
        (["--method", "bolt", "-s", "teacher=none.jsonl"], "none.jsonl does not exist"),
        (["--method", "bolt", "-s", f"teacher={__file__}"], "ends in .jsonl or .parquet"),
        (["-s", "sample.prompts=['bogus']"], "has no prompt 'bogus' for attempts: it has original"),
        (["-s", "sample.hints=true"], "has no prompts that hint"),
        (["--rounds", "0"], "--rounds"),
    ],
)
def test_what_cannot_be_is_one_line(sf: Sf, tmp_path: Path, args: list[str], why: str) -> None:
    outcome = sf(*START, tmp_path, *args)
    assert outcome.code == 2 and why in outcome.err
    assert "Traceback" not in outcome.err


# -- rationalisation

HINTING = """
name = "hinting"
summary = "pocket's words, and a prompt that hints"
hint_words = ["Hint"]
phrases = "phrases"
[questions]
countdown = "Make {target} from {numbers}."
[final]
text = "{question}"
[attempts.original]
text = "{question}"
[hints.told]
text = "{question} It is {hint}."
[reflections.check]
text = "{question} Check: {attempt}"
"""


def test_hints_give_the_answer_away_in_attempts_and_an_attempt_that_tells_is_dropped(
    sf: Sf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from conftest import WORLD

    import skillfactory_core.stages.sample as sample
    from skillfactory_core.plugins import plugins

    (tmp_path / "prompts.toml").write_text(HINTING)
    phrases = tmp_path / "phrases"
    phrases.mkdir()
    for bank in ("closing", "generic"):
        (phrases / f"{bank}.txt").write_text("So.\n")
    asked: list[str] = []
    real = sample.attempt

    def spy(generation):  # type: ignore[no-untyped-def]
        made = real(generation)
        asked.append(made.prompt)
        if made.prompt == "told" and made.k == 0:
            import attrs

            return attrs.evolve(made, text=f"By the HINT, {made.text}")
        return made

    monkeypatch.setattr(sample, "attempt", spy)
    assert plugins() and WORLD.exists()
    run = ran(
        sf, tmp_path, "skillfactory", "--until", "rearrange",
        "-s", f"prompts={tmp_path / 'prompts.toml'}", "-s", "sample.hints=true",
    )  # fmt: skip
    assert set(asked) == {"original", "told"}
    dropped = {g.attempt for g in run.grades if g.dropped == "hint"}
    assert dropped == {a.key for a in run.attempts if a.prompt == "told" and a.k == 0}
    used = {s.source for t in run.traces for s in t.segments if s.kind == "attempt"}
    assert not used & dropped and any("/told/" in source for source in used)
    assert all("/told/" not in r.prompt and r.prompt == "check" for r in run.reflections)
    assert (run.finished("grade") or {})["dropped_hint"] == len(dropped)


def test_the_papers_prompts_hint_at_the_right_answer_in_as_many_ways() -> None:
    prompts = registry.find(registry.PROMPTS, "paper")
    assert len(prompts.hints) == len(prompts.attempts) == 4
    for prompt in prompts.hints:
        text = prompt.messages(question="Q?", answer_kind="a number", hint="4711")[-1]["content"]
        assert "4711" in text and "hint" in text.casefold() and "{" not in text
    assert prompts.hint_words == ("hint",)
