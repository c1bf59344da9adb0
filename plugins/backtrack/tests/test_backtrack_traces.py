"""The strategy and the tags: which returns are made, how they are written, and that they are read back."""

from random import Random

import pytest
from backtrack_pairs import chained, pair
from hypothesis import given
from hypothesis import strategies as st

from skillfactory_backtrack import plugin
from skillfactory_backtrack.measures import MEASURES
from skillfactory_backtrack.response import returns
from skillfactory_backtrack.strategy import Backtracking, Returned
from skillfactory_backtrack.tags import BACKTRACK
from skillfactory_core.errors import SkillFactoryError
from skillfactory_core.skill import Phrase
from skillfactory_core.stages.rearrange import read_strategy
from skillfactory_core.strategy import Arrangement, Pair
from skillfactory_core.testing import (
    check_plugin,
    check_prompt_set,
    check_skill,
    check_strategy,
    check_tag_format,
    plugged,
)
from skillfactory_core.trace import Segment

GLUE = Phrase("Back to step {step}.", "incorrect:2")
CLOSING = Phrase("So.", "closing:1")


def arranged(pairs: list[Pair], seed: int = 0, **options: object) -> list[Arrangement]:
    right, wrong = [p for p in pairs if p.correct], [p for p in pairs if not p.correct]
    return list(Backtracking(**options).arrange(right, wrong, Random(seed)))  # type: ignore[arg-type]


def written(arrangement: Arrangement) -> tuple[Segment, ...]:
    pairs = arrangement.pairs
    return BACKTRACK.write(pairs, [GLUE] * (len(pairs) - 1), CLOSING, pairs[-1].answer)


def text_of(segments: tuple[Segment, ...]) -> str:
    return "".join(segment.text for segment in segments)


ONE = chained(["1 + 2 = 3: 4", "3 * 4 = 12"], ["1 + 2 = 3: 4", "3 + 4 = 7"])


def test_what_the_plugin_brings_passes_the_checks_of_the_kit() -> None:
    check_plugin(plugin)
    with plugged(plugin):
        check_skill(plugin.register_skills()[0])
        check_prompt_set(plugin.register_prompt_sets()[0])
        check_tag_format(BACKTRACK)
        for options in ({}, {"whole": True}, {"alone": 0}, {"steps": "lines", "most_returns": 5}):
            check_strategy(Backtracking(**options))  # type: ignore[arg-type]


def test_a_trace_goes_back_to_the_last_step_that_both_have_and_shows_the_right_one_from_there() -> None:
    (arrangement,) = arranged(ONE)
    assert text_of(written(arrangement)) == (
        "<think>\n"
        "<sample>1 + 2 = 3: 4; 3 * 4 = 12. <answer>way 0</answer></sample>\n"
        "<reflect>Looked at. <verdict>Incorrect</verdict></reflect>\n"
        "Back to step 1.\n"
        "<back>step 1</back>\n"
        "<sample>3 + 4 = 7. <answer>way 1</answer></sample>\n"
        "<reflect>Looked at. <verdict>Correct</verdict></reflect>\n"
        "</think>\n"
        "So.\n"
        "<answer>way 1</answer>"
    )


def test_every_stretch_says_where_it_is_from_and_stands_there() -> None:
    begun = ["1 + 2 = 3: 4, 5", "3 * 4 = 12: 5"]
    pairs = chained([*begun, "12 - 5 = 7"], [*begun, "12 + 5 = 17"])
    (arrangement,) = arranged(pairs)
    said = {p.attempt.key: p.attempt.text for p in pairs} | {
        p.reflection.key: p.reflection.text for p in pairs if p.reflection
    }
    seen = []
    for segment in written(arrangement):
        if segment.kind in ("attempt", "reflection"):
            assert segment.text in said[segment.source]
            seen.append(segment.source)
    assert seen == [pairs[0].attempt.key, pairs[0].reflection.key, pairs[1].attempt.key, pairs[1].reflection.key]  # type: ignore[union-attr]
    (named,) = [segment for segment in written(arrangement) if segment.text == "step 2"]
    assert named.source == pairs[0].attempt.key, "the step is one of the attempt that is left"


def test_a_trace_may_return_several_times_each_time_from_the_way_as_it_then_is() -> None:
    pairs = chained(["a = 1", "b = 2", "c = 3"], ["a = 1", "b = 2", "c = 4"], ["a = 1", "b = 5", "c = 6"])
    found = {len(one.pairs) for seed in range(20) for one in arranged(pairs, seed)}
    assert found == {2, 3}
    longest = next(one for seed in range(20) for one in arranged(pairs, seed) if len(one.pairs) == 3)
    steps = [one.step for one in longest.pairs if isinstance(one, Returned)]
    assert steps == ([2, 1] if longest.pairs[0].attempt.text.startswith("a = 1; b = 2; c = 3") else steps)
    assert [one.step for one in returns(text_of(written(longest)), BACKTRACK)] == steps


def test_attempts_that_share_no_first_step_make_no_return() -> None:
    pairs = chained(["2 + 1 = 3", "3 * 4 = 12"], ["1 + 2 = 3", "3 + 4 = 7"])
    assert [[p.attempt.key for p in one.pairs] for one in arranged(pairs)] == [[pairs[1].attempt.key]]
    assert arranged(pairs, alone=0) == []


def test_starting_over_is_a_return_to_step_0_and_only_made_when_asked_for() -> None:
    pairs = chained(["2 + 1 = 3", "3 * 4 = 12"], ["1 + 2 = 3", "3 + 4 = 7"])
    (arrangement,) = arranged(pairs, whole=True)
    text = text_of(written(arrangement))
    assert "Back to step 0.\n<back>step 0</back>\n<sample>1 + 2 = 3; 3 + 4 = 7." in text
    assert returns(text, BACKTRACK)[0].exists


def test_an_attempt_that_is_all_of_another_one_is_not_left_for_it() -> None:
    whole = chained(["1 + 2 = 3", "3 * 4 = 12"], ["1 + 2 = 3", "3 * 4 = 12", "12 - 1 = 11"])
    assert [len(one.pairs) for one in arranged(whole)] == [1]


def test_a_reflection_that_names_another_step_is_not_used() -> None:
    ways = (["a = 1", "b = 2", "c = 3"], ["a = 1", "b = 2", "c = 4"])
    assert [len(one.pairs) for one in arranged(chained(*ways, says=["Return to step 1."]))] == [1]
    assert [
        len(one.pairs) for one in arranged(chained(*ways, says=["Not return to step 1, but return to step 2"]))
    ] == [2]
    other = {"named": r"from (\d) on"}
    assert [len(one.pairs) for one in arranged(chained(*ways, says=["from 1 on"]), **other)] == [1]


def test_right_attempts_stand_alone_as_often_as_asked() -> None:
    right = [pair(f"a = {n}, b = {n}", True, n, str(n)) for n in range(5)]
    assert [len(arranged(right, alone=count)) for count in (0, 1, 3)] == [0, 1, 3]


def test_a_problem_gives_no_two_traces_of_the_same_attempts() -> None:
    twice = [pair("a = 1, b = 2", False, n) for n in range(4)] + [pair("a = 1, b = 3", True, n) for n in range(4, 8)]
    assert len(arranged(twice)) == 1


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ({"steps": "word"}, "'steps' must be in"),
        ({"most_returns": 0}, "most_returns"),
        ({"named": "("}, "is no regular expression"),
        ({"named": "step"}, "needs one group"),
        ({"more": 1}, "strategy 'backtrack' has no option 'more'"),
    ],
)
def test_an_option_that_makes_no_sense_is_one_line(option: dict[str, object], said: str) -> None:
    with pytest.raises(SkillFactoryError) as error:
        read_strategy(Backtracking, option)
    assert said in str(error.value) and "\n" not in str(error.value)


def test_an_attempt_that_holds_the_tag_of_returns_would_break_a_trace() -> None:
    assert BACKTRACK.breaks("I go <back>step 1</back>. <answer>1</answer>", inner="answer")
    assert not BACKTRACK.breaks("I go back. <answer>1</answer>", inner="answer")


def test_a_return_outside_of_thinking_or_within_an_attempt_is_malformed() -> None:
    (arrangement,) = arranged(ONE)
    text = text_of(written(arrangement))
    back = "<back>step 1</back>\n"
    assert BACKTRACK.parse(text).well_formed
    assert not BACKTRACK.parse(text.replace(back, "") + back).well_formed
    assert not BACKTRACK.parse(text.replace("<back>", "")).well_formed
    assert not BACKTRACK.parse(text.replace(back, "").replace("<sample>3", f"<sample>{back}3")).well_formed


ways = st.lists(st.lists(st.integers(1, 3), min_size=2, max_size=4), min_size=2, max_size=6, unique_by=tuple)


@given(ways, st.integers(0, 9), st.booleans(), st.booleans())
def test_whatever_is_written_is_read_back_with_every_return(
    found: list[list[int]], seed: int, whole: bool, leaves: bool
) -> None:
    """The value of every step is used in the next, so that going on from a step can be told from not doing so."""
    pairs = []
    for number, way in enumerate(found):
        values = [sum(way[: n + 1]) for n in range(len(way))]
        steps = [
            f"{value - step} + {step} = {value}{': 7, 8' * leaves}" for step, value in zip(way, values, strict=True)
        ]
        pairs.append(pair(("; " if leaves else ", ").join(steps) + ".", number % 2 == 0, number, f"way {number}"))
    for arrangement in arranged(pairs, seed, whole=whole, most_returns=4):
        text = text_of(written(arrangement))
        parsed = BACKTRACK.parse(text)
        assert parsed.well_formed and parsed.answer == arrangement.pairs[-1].answer
        assert [one.answer for one in parsed.tries] == [one.answer for one in arrangement.pairs]
        assert [one.verdict for one in parsed.tries] == [one.correct for one in arrangement.pairs]
        made = returns(text, BACKTRACK)
        steps_named = [one.step for one in arrangement.pairs if isinstance(one, Returned)]
        assert [one.step for one in made] == steps_named
        figures = {name: measure(text, BACKTRACK) for name, measure in MEASURES.items()}
        assert figures["returns"] == len(arrangement.pairs) - 1
        if steps_named:
            assert figures["to_a_step"] == figures["other_way"] == 1
            assert figures["comes_right"] == 1 / len(steps_named)
        if any(steps_named):
            assert figures["keeps_steps"] == 1
