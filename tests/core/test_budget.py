"""Budgets: responses cut at fewer tokens, made to go on to more, and what is told of both."""

import json
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path

import attrs
import pytest

from skillfactory_core import interval, registry
from skillfactory_core.budget import budgets_of, cut, forcing, over_budgets
from skillfactory_core.choices import find_model
from skillfactory_core.engine import Engine, Generation, Request, Sampling
from skillfactory_core.engines.scripted import ScriptedEngine, word_ends
from skillfactory_core.errors import SkillFactoryError
from skillfactory_core.evaluation import Response
from skillfactory_core.run import Run, open_run
from skillfactory_core.stages.evaluate import Examiner
from skillfactory_core.stages.force import STEPS, Force, Roomy, respond_within
from skillfactory_core.tags import TagFormat
from skillfactory_skills.sample_reflect import SAMPLE_REFLECT as TAGS

TRIED = "<think>\n<sample>One. <answer>1</answer></sample>\n"
WHOLE = f"{TRIED}</think>\nSo <answer>1</answer>"


# -- where a response goes on


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        (WHOLE, TRIED),
        (TRIED, TRIED),
        (f"{TRIED}</think>", TRIED),
        ("<think>a</think><think>b", "<think>a</think><think>b"),
        ("<think>a</think>b<answer>1</answer><think>c</think>d", "<think>a</think>b<answer>1</answer><think>c"),
        ("No tags. <answer>1</answer> Done.", "No tags. "),
        ("First <answer>1</answer> then <answer>2</answer>.", "First <answer>1</answer> then "),
        ("Cut off <answer>1", "Cut off <answer>1"),
        ("No answer", "No answer"),
        ("", ""),
    ],
)
def test_a_response_without_the_end_of_its_thinking(text: str, kept: str) -> None:
    assert TAGS.unended(text) == kept


def test_what_makes_a_response_go_on_is_a_new_attempt_or_words_where_it_marks_none() -> None:
    assert TAGS.trigger(WHOLE) == "<sample>"
    assert TAGS.trigger("No tags. <answer>1</answer>") == TAGS.again
    assert TAGS.again and not TAGS.breaks(TAGS.again, inner="")
    plain = registry.find_tags("plain")
    assert plain.trigger("No tags.") == TAGS.again


def test_a_tag_format_without_such_words_says_what_is_missing() -> None:
    wordless = attrs.evolve(TAGS, again="")
    assert wordless.trigger(WHOLE) == "<sample>"
    with pytest.raises(SkillFactoryError, match=r"tag format 'sample-reflect' has no words .*\(again = …\)"):
        wordless.trigger("No tags.")


def test_the_words_do_not_count_as_another_tag_format_for_runs_from_before() -> None:
    assert repr(attrs.evolve(TAGS, again="")) == repr(TAGS)


# -- going on


def examiner(run: Run, reply: Callable[[Request], str], method: str = "base") -> Examiner:
    return Examiner(run, method, find_prompts(), TAGS, ScriptedEngine("", 0, reply))


def find_prompts() -> object:
    return registry.find(registry.PROMPTS, "pocket")


def force(run: Run, reply: Callable[[Request], str], budget: int = 6, most: int = 9) -> list[tuple[Response, Response]]:
    """The responses of a budget and what they became, of exam 3."""
    asks = examiner(run, reply)
    respond_within(asks, budget, only=["3"])
    Force(asks, budget, most, word_ends).fill(only=["3"])
    standard, forced = run.responses("base", "3", f"{budget}"), run.responses("base", "3", f"{budget}-{most}")
    return list(zip(standard, forced, strict=True))


def test_a_response_goes_on_from_where_its_thinking_ended_to_the_tokens_it_may_have(copied: Path) -> None:
    run = open_run(copied)
    solutions = {
        f"Make {p.params['target']} from {', '.join(map(str, p.params['numbers']))}.": p.params["solution"].replace(
            " ", ""
        )
        for p in run.problems("evaluation", "3")
    }

    def reply(request: Request) -> str:
        if not request.prefix:
            return WHOLE
        return f"x</sample>\n</think>\n<answer>{solutions[request.messages[-1]['content']]}</answer> and on and on and on and on"

    pairs = force(run, reply)
    assert len(pairs) == 10
    for before, after in pairs:
        assert after.key == before.key
        assert before.text == WHOLE and before.tokens == len(word_ends(WHOLE)) == 3 and not before.correct
        assert after.text.startswith(f"{TRIED}<sample>x</sample>\n</think>\n<answer>") and after.correct
        # The last token before the seam and the first after it are one word of the text.
        assert after.tokens == len(word_ends(after.text)) + 1 == 9 and after.finish == "length"


def test_a_response_that_was_cut_goes_on_after_a_line_break(copied: Path) -> None:
    pairs = force(open_run(copied), lambda r: "so it ends" if r.prefix else "a b c d e f g h")
    for before, after in pairs:
        assert (before.text, before.finish) == ("a b c d e f", "length")
        assert after.text.startswith(f"a b c d e f\n{TAGS.again}")
        # The trigger alone is more than there is room for: nothing is generated.
        assert after.text.endswith(TAGS.again) and after.finish == "length"


def test_going_on_draws_from_a_stream_of_its_own(copied: Path) -> None:
    seeds: list[int] = []
    force(open_run(copied), lambda r: seeds.append(r.seed) or WHOLE)  # type: ignore[func-returns-value]
    assert len(set(seeds)) == len(seeds) == 2 * 5 * 2


def test_a_response_that_failed_goes_on_once_it_is_there(copied: Path) -> None:
    run = open_run(copied)
    failing = {f"base/countdown/3/evaluation/{n}/0" for n in (1, 4)}
    asked: list[str] = []

    def reply(request: Request) -> str:
        asked.append(request.key)
        if request.key in failing and not request.prefix:
            raise TimeoutError("gone")
        return WHOLE

    asks = examiner(run, reply)
    config = attrs.evolve(run.config, most_failures=1.0)
    asks = attrs.evolve(asks, run=attrs.evolve(run, config=config))

    def both() -> tuple[set[str], set[str]]:
        respond_within(asks, 6, only=["3"])
        Force(asks, 6, 9, word_ends).fill(only=["3"])
        standard, forced = run.responses("base", "3", "6"), run.responses("base", "3", "6-9")
        return {r.key for r in standard if not r.error}, {r.key for r in forced}

    standard, forced = both()
    assert standard == forced and not failing & forced and len(forced) == 8
    failing_before, failing = failing, set()
    asked.clear()
    standard, forced = both()
    assert standard == forced and len(forced) == 10
    assert sorted(asked) == sorted([*failing_before, *failing_before]), "each of them once, and once to go on"
    asked.clear()
    both()
    assert asked == []


def test_to_go_on_there_must_be_room(copied: Path) -> None:
    with pytest.raises(SkillFactoryError, match="responses of 6 tokens cannot go on to 6: give --force more"):
        Force(examiner(open_run(copied), lambda _: WHOLE), 6, 6, word_ends)


class Counting(Engine):
    """Writes as many words as it may, and remembers how many that was."""

    name = "counting"
    summary = "for this test"

    def __init__(self) -> None:
        self.asked: list[tuple[int, list[str]]] = []

    def generate(self, requests: Sequence[Request], sampling: Sampling) -> "list[Generation]":  # type: ignore[override]
        self.asked.append((sampling.max_tokens, [r.key for r in requests]))
        words = " ".join(["w"] * sampling.max_tokens)
        return [Generation(r.key, r.prefix + words, sampling.max_tokens, "length") for r in requests]


def test_each_request_gets_its_own_room_in_a_few_calls() -> None:
    engine = Counting()
    room = {str(n): n for n in range(-3, 101)}
    requests = [Request(key, (), 0, "begun ") for key in room]
    made = {g.key: g for g in Roomy(engine, room, word_ends).generate(requests, Sampling(max_tokens=100))}
    assert made.keys() == room.keys()
    for key, most in room.items():
        assert made[key].tokens == max(0, most)
        assert made[key].text == ("begun " if most < 1 else "begun " + " ".join(["w"] * most))
        assert made[key].finish == "length"
    assert len(engine.asked) <= STEPS
    assert all(low < high for (low, _), (high, _) in pairwise(engine.asked))


def test_a_failure_is_handed_on_as_it_is() -> None:
    class Failing(Counting):
        def generate(self, requests: Sequence[Request], sampling: Sampling) -> "list[Generation]":  # type: ignore[override]
            return [Generation(r.key, "", 0, "error", "gone") for r in requests]

    (one,) = Roomy(Failing(), {"a": 5}, word_ends).generate([Request("a", (), 0)], Sampling())
    assert (one.finish, one.error) == ("error", "gone")


# -- what is told of it


def answered(method: str, exam: str, problem: int, k: int, correct: bool, tokens: int = 3, text: str = "") -> Response:
    key = f"countdown/{exam}/evaluation/{problem}"
    return Response(f"{method}/{key}/{k}", method, exam, key, k, text, tokens, "stop", correct, None, "ok")


@pytest.fixture
def forced(copied: Path) -> Run:
    """Standard and forced responses of base to two exams: three problems, two responses each."""
    run = open_run(copied)
    was = {"3": [[1, 1], [0, 0], [1, 0]], "4": [[0, 0], [0, 0], [0, 0]]}
    now = {"3": [[1, 1], [1, 0], [0, 1]], "4": [[0, 0], [0, 1], [0, 0]]}
    for grades, budget, tokens in ((was, "10", 8), (now, "10-20", 16)):
        for exam, problems in grades.items():
            rows = [
                answered("base", exam, p, k, bool(right), tokens)
                for p, both in enumerate(problems)
                for k, right in enumerate(both)
            ]
            run.responses("base", exam, budget).finish(0, rows)
    return run


def test_forced_is_compared_with_standard_problem_by_problem(forced: Run) -> None:
    three, four, mean = forcing(forced)
    assert {k: three[k] for k in ("budget", "force", "method", "variant", "problems", "responses")} == {
        "budget": 10,
        "force": 20,
        "method": "base",
        "variant": "3",
        "problems": 3,
        "responses": 6,
    }
    assert (three["standard"]["accuracy"], three["forced"]["accuracy"]) == (3 / 6, 4 / 6)
    assert (three["standard"]["tokens"], three["forced"]["tokens"]) == (8, 16)
    assert (three["gained"], three["lost"], four["gained"], four["lost"]) == (2, 1, 1, 0)
    gap = interval.difference([(1, 1), (0.5, 0), (0.5, 0.5)])
    assert (three["difference"], three["low"], three["high"]) == (gap.mean, gap.low, gap.high)
    assert gap.mean == pytest.approx(three["forced"]["accuracy"] - three["standard"]["accuracy"])
    assert mean["variant"] == "mean" and mean["difference"] == pytest.approx((1 / 6 + 1 / 6) / 2)
    assert mean["forced"]["accuracy"] == pytest.approx((4 / 6 + 1 / 6) / 2)
    assert mean["low"] < mean["difference"] < mean["high"] and mean["responses"] == 12
    json.dumps([three, four, mean])


def test_a_response_that_failed_on_either_side_is_in_no_comparison(forced: Run) -> None:
    table = forced.responses("base", "3", "10-20")
    first, *others = table.read(0)
    table.finish(0, [attrs.evolve(first, error="gone"), *others[:-1]])
    assert forcing(forced)[0]["responses"] == 4


def test_a_run_without_budgets_has_no_comparison(finished: Path) -> None:
    assert budgets_of(open_run(finished)) == [] == forcing(open_run(finished))


def words(*answers: int) -> str:
    """A response of four words per attempt, then three."""
    tries = "".join(
        f"<sample>try <answer>{a}</answer></sample> <reflect>no <verdict>Incorrect</verdict></reflect> "
        for a in answers
    )
    return f"<think> {tries}</think> so <answer>{answers[-1]}</answer>"


def test_budgets_are_told_from_the_stored_responses_alone(copied: Path) -> None:
    run = open_run(copied)
    for path in (run.folder / "8-evaluation").iterdir():
        for part in path.iterdir():
            part.unlink()
    solutions = {p.key: p.params["solution"].replace(" ", "") for p in run.problems("evaluation", "3")}
    first, second = list(solutions)[:2]
    long = words(1, 2).replace("<answer>2<", f"<answer>{solutions[first]}<")
    short = f"<answer>{solutions[second]}</answer>"
    assert len(word_ends(long)) == 12
    texts = {first: long, second: short}
    rows = [
        attrs.evolve(answered("sft", "3", n, 0, True, len(word_ends(texts[key])), texts[key]), problem=key)
        for n, key in enumerate(texts)
    ]
    run.responses("sft", "3").finish(0, rows)
    figures = over_budgets(run, [12, 5, 9, 5, 11])
    assert (figures["budgets"], figures["limit"]) == ([5, 9, 11, 12], 16384)
    entries = figures["methods"]["sft"]["3"]
    assert figures["methods"].keys() == {"sft"} and figures["methods"]["sft"].keys() == {"3"}
    assert [one["accuracy"] for one in entries] == [0.5, 0.5, 0.5, 1.0]
    assert [one["truncated"] for one in entries] == [0.5, 0.5, 0.5, 0.0]
    assert [one["answers"] for one in entries] == [(1 + 1) / 2, (2 + 1) / 2, (2 + 1) / 2, (2 + 1) / 2]
    assert [one["reflections"] for one in entries] == [1 / 2, 2 / 2, 2 / 2, 2 / 2]
    assert [one["tokens"] for one in entries] == [(5 + 1) / 2, (9 + 1) / 2, (11 + 1) / 2, (12 + 1) / 2]
    assert all(one["n"] == 2 and one["low"] <= one["accuracy"] <= one["high"] for one in entries)
    assert json.loads((run.folder / "8-evaluation" / "budgets.json").read_text()) == figures


def test_a_budget_beyond_what_the_responses_had_is_refused(finished: Path) -> None:
    for budget in (0, 16385):
        with pytest.raises(SkillFactoryError, match="have at most 16384 tokens, so give 1 to 16384"):
            over_budgets(open_run(finished), [budget])


def test_a_run_without_responses_says_how_to_get_some(empty: Run) -> None:
    with pytest.raises(SkillFactoryError, match="has no responses yet: sf evaluate"):
        over_budgets(empty, [5])
    assert not (empty.folder / "8-evaluation").exists()


def test_a_response_with_no_more_tokens_stays_as_it_is() -> None:
    response = answered("base", "3", 0, 0, True, 3, "a b c")
    assert cut(response, 3, ()) is response
    assert (cut(response, 2, word_ends("a b c")).text, cut(response, 2, word_ends("a b c")).finish) == ("a b", "length")
    uncounted = attrs.evolve(response, tokens=0)
    assert cut(uncounted, 3, word_ends("a b c")) is uncounted
    assert cut(uncounted, 1, word_ends("a b c")).text == "a"


# -- with a real tokenizer and a real model


def test_a_text_is_cut_where_its_tokens_end() -> None:
    ends = registry.find(registry.ENGINE, "transformers").token_ends(find_model("pocket").path)
    text = "From 15, 1, 8 reach 23. 15 / 1 = 15: 8; 15 - 8 = 7. <answer>(15 / 1) - 8</answer> é ∑ 🙂"
    places = ends(text)
    assert places[-1] == len(text) and list(places) == sorted(places)
    for budget in range(1, 20):
        assert len(ends(text[: places[budget - 1]])) == budget


def test_what_a_model_writes_with_fewer_tokens_is_the_beginning_of_what_it_writes_with_more() -> None:
    path = find_model("pocket").path
    kind = registry.find(registry.ENGINE, "transformers")
    requests = [
        Request(str(n), ({"role": "user", "content": f"Make {n + 10} from 3, 5, {n + 2}."},), seed=n) for n in range(12)
    ]
    long, short, ends = Sampling(max_tokens=64), Sampling(max_tokens=20), kind.token_ends(path)
    with kind(path, 0) as engine:
        whole = {g.key: g for g in engine.generate(requests, long)}
        for less in engine.generate(requests, short):
            made = whole[less.key]
            response = attrs.evolve(answered("base", "3", 0, 0, False, made.tokens, made.text), finish=made.finish)
            shorter = cut(response, 20, ends(made.text))
            assert (shorter.text, shorter.tokens, shorter.finish) == (less.text, less.tokens, less.finish)
    assert any(g.tokens > 20 for g in whole.values())


def test_tags_of_other_formats_have_words_of_their_own(tmp_path: Path) -> None:
    from skillfactory_core.tags import read_tag_format

    text = (Path(__file__).parents[2] / "docs" / "examples" / "tags.toml").read_text()
    path = tmp_path / "tags.toml"
    path.write_text(f'{text}\nagain = "Once more."\n')
    tags: TagFormat = read_tag_format(path)
    assert tags.trigger("nothing") == "Once more."
