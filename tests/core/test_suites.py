"""Suites: what they hold, and how their exams join those of a run."""

from collections import Counter
from pathlib import Path

import attrs
import pytest

from skillfactory_core import registry
from skillfactory_core.config import Config, EvaluateSettings
from skillfactory_core.errors import SkillFactoryError
from skillfactory_core.stages.problems import exams_of, make_problems, variants_of
from skillfactory_core.suite import Entry, Suite, read_suites

PAPER = ("paper-countdown", "paper-openthoughts")


def config(*suites: str, **evaluate: object) -> Config:
    return Config("countdown", evaluate=EvaluateSettings(suites=suites, **evaluate))  # type: ignore[arg-type]


def test_the_papers_exams_are_those_of_its_section_on_evaluation() -> None:
    exams = exams_of(config(*PAPER, own=False))
    assert [name for name, exam in exams.items() if exam.suite == PAPER[0]] == [
        *("countdown-4", "countdown-5", "countdown-6", "acronym-4", "acronym-5"),
        *("letter-countdown-4", "letter-countdown-5"),
        *("multiplication-2", "multiplication-3", "multiplication-4", "multiplication-5", "csqa", "gsm8k"),
    ]
    assert [name for name, exam in exams.items() if exam.suite == PAPER[1]] == ["gpqa", "aime-2025", "amc", "math-500"]
    for name, exam in exams.items():
        kind, _, size = name.rpartition("-")
        if exam.suite == PAPER[0] and size.isdigit():
            assert (exam.task.name.replace("_", "-"), exam.task.variant) == (kind, size)


def test_small_sets_are_answered_34_times_and_the_others_as_often_as_their_task_asks() -> None:
    samples = {name: exam.samples for name, exam in exams_of(config(*PAPER, own=False)).items()}
    assert {name for name, count in samples.items() if count == 34} == {"gpqa", "aime-2025", "amc"}
    assert Counter(samples.values()) == {34: 3, 4: 14}


def test_a_run_may_say_how_many_responses_and_how_many_problems_an_exam_has_at_most(world: None) -> None:
    assert exams_of(config("paper-openthoughts", samples=2, problems=10))["gpqa"].samples == 2
    assert exams_of(config("more"))["wide"].samples == 7
    assert exams_of(config("more"))["wide"].problems == 4
    assert exams_of(config("more", problems=3))["wide"].problems == 3


def test_the_difficulties_of_the_run_keep_their_names_and_none_is_there_twice() -> None:
    exams = exams_of(config("paper-countdown"))
    assert list(exams)[:5] == ["3", "4", "5", "6", "acronym-4"]
    assert not [name for name in exams if name.startswith("countdown-")]
    assert [exam.suite for exam in exams.values()][:5] == ["", "", "", "", "paper-countdown"]


def test_the_same_difficulty_with_other_options_is_another_exam() -> None:
    narrow = attrs.evolve(config("paper-countdown"), task_options={"largest": 9})
    assert {"4", "countdown-4"} <= variants_of(narrow).keys()
    assert variants_of(narrow)["4"] != variants_of(narrow)["countdown-4"]


def test_a_name_that_is_taken_gets_that_of_its_suite_before_it(world: None) -> None:
    narrow = attrs.evolve(config("more", "yet-more"), task_options={"largest": 9})
    assert list(exams_of(narrow)) == ["3", "4", "5", "6", "wide", "more-4", "lost", "yet-more-wide"]


def test_no_two_problems_of_a_run_have_one_key(world: None, tmp_path: Path) -> None:
    from skillfactory_core.run import start_run

    asked = attrs.evolve(config("more", "yet-more", problems=5), task_options={"largest": 9}, trains=False)
    run = start_run(tmp_path / "it", asked)
    counts = make_problems(run)
    problems = [p for name in exams_of(asked) for p in run.problems("evaluation", name)]
    assert len(problems) == sum(count for count in counts.values() if isinstance(count, int))
    assert len({p.key for p in problems}) == len(problems)
    assert {p.variant for p in problems} == set(exams_of(asked)) - {"lost"}
    assert problems[-1].key == "countdown/yet-more-wide/evaluation/4"


def test_an_exam_without_its_data_is_left_out_with_the_reason(
    world: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from skillfactory_core.run import start_run

    counts = make_problems(start_run(tmp_path / "it", attrs.evolve(config("more", problems=2), trains=False)))
    (line,) = [line for line in capsys.readouterr().err.splitlines() if "lost" in line]
    reason = "data file lost.jsonl cannot be read: No such file or directory"
    assert line == f"sf: exam 'lost' of suite 'more' is left out: {reason}"
    assert counts["left_out_lost"] == reason and "evaluation-lost" not in counts
    assert counts["evaluation-wide"] == 2


def test_a_task_without_its_data_is_an_error_where_it_is_the_runs_own(tmp_path: Path) -> None:
    from skillfactory_core.run import start_run

    own = Config("gsm8k", trains=False, task_options={"evaluation_path": "lost.jsonl"})
    with pytest.raises(SkillFactoryError, match=r"^data file lost\.jsonl cannot be read"):
        make_problems(start_run(tmp_path / "it", own))


def test_a_run_of_imported_attempts_may_have_suites_though_its_own_task_has_no_problems_for_evaluation(
    world: None, tmp_path: Path
) -> None:
    from skillfactory_core.pipeline import Pipeline
    from skillfactory_core.run import start_run

    own = {"task_options": {"evaluation_path": "lost.jsonl"}, "model": "scripted", "engine": "world"}
    asked = EvaluateSettings(suites=("yet-more",), problems=2)
    run = start_run(tmp_path / "it", Config("gsm8k", **own, trainer="still", prompts="pocket", evaluate=asked))  # type: ignore[arg-type]
    run.record("problems", {"train-default": 3, "imported": {"source": "a file"}})
    Pipeline(run).do("problems")
    summary = run.finished("problems") or {}
    assert (summary["train-default"], summary["evaluation-wide"]) == (3, 2) and summary["imported"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[a]\nsummary = 'x'", "each .NAME. needs a summary"),
        ("[a]\nsummary = 'x'\n[a.exams.b]\noptions.numbers = 3", "missing 1 required positional argument: 'task'"),
        ("[a]\n[a.exams.b]\ntask = 'countdown'", "missing 1 required positional argument: 'summary'"),
        ("[a]\nsummary = 'x'\n[a.exams.B]\ntask = 'countdown'", "'name' must match regex"),
        ("[a]\nsummary = 'x'\n[a.exams.b]\ntask = 'countdown'\nsamples = -1", "'samples' must be >= 0"),
        ("[a]\nsummary = 'x'\n[a.exams.b]\ntask = 'countdown'\noption = 3", "unexpected keyword argument 'option'"),
        ("a = 3", "unfit entry"),
        ("[a", "suite file .*Expected"),
    ],
)
def test_a_suite_file_that_is_wrong_says_where_in_one_line(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "suites.toml"
    path.write_text(text)
    with pytest.raises(SkillFactoryError, match=said) as refused:
        read_suites(path)
    assert str(path) in str(refused.value) and "\n" not in str(refused.value)


def test_a_suite_does_not_have_two_exams_of_one_name() -> None:
    with pytest.raises(ValueError, match="two exams have one name"):
        Suite("a", "b", (Entry("c", "countdown"), Entry("c", "acronym")))


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        (Entry("x", "contdown"), "suite 's', exam 'x': no task named 'contdown': did you mean 'countdown'"),
        (Entry("x", "countdown", {"size": 3}), "suite 's', exam 'x': task 'countdown' has no option 'size'"),
        (Entry("x", "math", variant="aime"), "task 'math' has no variant 'aime': it has math-500, aime-2025, amc"),
    ],
)
def test_an_exam_that_names_what_there_is_not_says_so(entry: Entry, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    find = registry.find

    def found(kind: registry.Kind, name: str, note: str = "") -> object:
        return Suite("s", "for this test", (entry,)) if kind is registry.SUITE else find(kind, name, note)

    monkeypatch.setattr(registry, "find", found)
    with pytest.raises(SkillFactoryError, match=said):
        exams_of(config("s"))


def test_a_suite_that_does_not_exist_is_an_error_with_a_hint() -> None:
    with pytest.raises(
        SkillFactoryError, match=r"no suite named 'paper-countdwn': did you mean 'paper-countdown'\? \(sf suites\)"
    ):
        exams_of(config("paper-countdwn"))
