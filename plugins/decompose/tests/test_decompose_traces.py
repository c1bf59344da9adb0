"""Traces: pairs are taken apart, subgoals that failed are done again, and what is written is read back."""

from collections.abc import Iterator
from random import Random

import attrs
import pytest
from decompose_pairs import PHRASE, apart, chain, made
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from skillfactory_core.branch import cuts
from skillfactory_core.errors import SkillFactoryError
from skillfactory_core.skill import Phrase
from skillfactory_core.strategy import Pair
from skillfactory_core.testing import check_strategy, check_tag_format
from skillfactory_core.trace import Segment
from skillfactory_decompose.align import Decomposition, align
from skillfactory_decompose.measures import MEASURES
from skillfactory_decompose.split import WAYS
from skillfactory_decompose.strategy import Decompose
from skillfactory_decompose.tags import SHORT, SUBGOALS, Body, Subgoals

# The machine that runs the tests may be busy with something else.
settings.register_profile("busy", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("busy")

TAGS = [f"<{slash}{name}>" for name in ("plan", "step", "check", "sample", "think") for slash in ("", "/")] + [
    "\n",
    "x",
]
TANGLES = st.lists(st.sampled_from(TAGS), max_size=25).map("".join)
NUMBERS = st.lists(st.integers(1, 20), min_size=2, max_size=5)
LISTED = "Subgoals:\n1. Pears\n2. Twice\n\nSolutions:\n1. 3 + 4 = 7\n2. 7 * 2 = 15\n\n<answer>15</answer>"


def traces(pairs: list[Pair], seed: int = 0, **options: object) -> Iterator[tuple[Segment, ...]]:
    """The segments of the traces of these pairs."""
    right = [pair for pair in pairs if pair.correct]
    wrong = [pair for pair in pairs if not pair.correct]
    for arranged in Decompose(**options).arrange(right, wrong, Random(seed)):  # type: ignore[arg-type]
        glue = [PHRASE] * (len(arranged.pairs) - 1)
        yield SUBGOALS.write(arranged.pairs, glue, Phrase("Done.", "closing:1"), arranged.pairs[-1].answer)


def text_of(segments: tuple[Segment, ...]) -> str:
    return "".join(segment.text for segment in segments)


def test_an_attempt_and_its_check_are_taken_apart_step_by_step() -> None:
    found = apart(chain([15, 8, 1], 23))
    assert found.goals == ("+", "+")
    assert [(work.step, work.check) for work in found.works] == [
        ("15 + 8 = 23: 1", "15 + 8 = 23"),
        ("23 + 1 = 24",) * 2,
    ]
    assert not found.failed
    assert found.rest == "<answer>15 + 8 + 1</answer>"
    assert found.conclusion == "It is not 23. <verdict>Incorrect</verdict>"


def test_works_end_at_the_first_check_that_disagrees() -> None:
    found = apart(chain([15, 8, 1], 23, slip=0))
    assert [(work.step, work.check) for work in found.works] == [("15 + 8 = 24: 1", "15 + 8 = 23")]
    assert found.failed


def test_without_a_plan_the_steps_say_what_the_subgoals_are() -> None:
    pair = chain([15, 8, 1], 23)
    assert apart(pair, "steps").goals == ("15 + 8", "23 + 1")
    bare = attrs.evolve(pair, attempt=attrs.evolve(pair.attempt, text=pair.attempt.text.replace("Plan: +, +. ", "")))
    assert apart(bare).goals == ("15 + 8", "23 + 1")
    assert align(bare, WAYS["auto"], "plan") == "no_subgoals"


def test_numbered_lists_are_taken_apart_and_a_check_fails_by_its_word() -> None:
    critique = "1. 3 + 4 is 7, so it holds.\n2. 7 * 2 is 14: fails.\n\nNo. <verdict>Incorrect</verdict>"
    found = apart(made(LISTED, critique, False))
    assert found.goals == ("1. Pears", "2. Twice") and found.failed
    assert found.works[1].check == "2. 7 * 2 is 14: fails."


@pytest.mark.parametrize(
    ("attempt", "reflection", "reason"),
    [
        ("I guess. <answer>1</answer>", "1 + 1 = 2. <verdict>Correct</verdict>", "no_steps"),
        ("1 + 1 = 2.", "1 + 1 = 2. <verdict>Correct</verdict>", "no_steps"),
        ("1. a\n2. b\n\n<answer>1</answer>", "1. a\n2. b\n\n<verdict>Correct</verdict>", "no_subgoals"),
        ("Plan: -. 1 + 1 = 2. <answer>1</answer>", "1 + 1 = 2. <verdict>Correct</verdict>", "plan_not_followed"),
        ("Plan: +. 1 + 1 = 2. <answer>1</answer>", "Fine. <verdict>Correct</verdict>", "no_checks"),
        ("Plan: +. 1 + 1 = 2. <answer>1</answer>", "1 + 1 = 2.", "no_checks"),
        ("Plan: +. 1 + 1 = 2. <answer>1</answer>", "1 + 2 = 3. <verdict>Correct</verdict>", "other_checks"),
        ("Plan: +. 1 + 1 = 2. <answer>1</answer>", "1 + 1 = 2, 2 + 1 = 3. <verdict>Correct</verdict>", "other_checks"),
        ("Plan: +. 1 + 1 = 2: 3, 4. <answer>1</answer>", "1 + 3 = 4. <verdict>Correct</verdict>", "other_checks"),
        (
            "4 * 3 = 12 + 0 + 0 = 12: 12. <answer>12</answer>",
            "4:4:4; 3:3:3; 4 * 3 = 12:3, 4 * 3 = 12:1. <verdict>Correct</verdict>",
            "no_subgoals",
        ),
        (
            "Plan: *. 4 * 3 = 12 + 0 + 0 = 12: 12. <answer>12</answer>",
            "4:4:4; 3:3:3; 4 * 3 = 12:3. <verdict>Correct</verdict>",
            "no_checks",
        ),
        (
            "Spell TONE. <answer>TONE</answer>",
            "T ONE, O NE, N E, E. TONE is a word. <verdict>Correct</verdict>",
            "no_steps",
        ),
    ],
)
def test_what_cannot_be_aligned_is_left_out_with_a_reason(attempt: str, reflection: str, reason: str) -> None:
    assert align(made(attempt, reflection, True), WAYS["auto"], "plan") == reason


def test_a_pair_without_a_reflection_is_left_out() -> None:
    assert align(attrs.evolve(chain([1, 2], 3), reflection=None), WAYS["auto"], "either") == "no_reflection"


@given(every=st.lists(NUMBERS, min_size=1, max_size=8), seed=st.integers(0, 99), subgoals=st.sampled_from(["plan", "steps"]))  # fmt: skip
def test_every_stretch_of_a_trace_is_of_the_record_that_it_names(
    every: list[list[int]], seed: int, subgoals: str
) -> None:
    random = Random(seed)
    pairs = [chain(each, sum(every[0]), number, random.choice((-1, 0))) for number, each in enumerate(every)]
    texts = {pair.attempt.key: pair.attempt.text for pair in pairs}
    texts |= {pair.reflection.key: pair.reflection.text for pair in pairs if pair.reflection}
    for segments in traces(pairs, seed, subgoals=subgoals):
        for segment in segments:
            if segment.kind in ("plan", "step", "check", "attempt", "reflection", "answer"):
                assert segment.text and segment.text in texts[segment.source]
            else:
                assert segment.kind in ("tag", "glue", "closing")


@given(every=st.lists(NUMBERS, min_size=1, max_size=8), seed=st.integers(0, 99))
def test_what_is_written_is_read_back(every: list[list[int]], seed: int) -> None:
    random = Random(seed)
    pairs = [chain(each, sum(every[0]), number, random.choice((-1, 0))) for number, each in enumerate(every)]
    right, wrong = [pair for pair in pairs if pair.correct], [pair for pair in pairs if not pair.correct]
    for arranged in Decompose().arrange(right, wrong, random):
        glue = [PHRASE] * (len(arranged.pairs) - 1)
        text = text_of(SUBGOALS.write(arranged.pairs, glue, PHRASE, arranged.pairs[-1].answer))
        parsed = SUBGOALS.parse(text)
        assert parsed.well_formed and parsed.answer == arranged.pairs[-1].answer
        assert [(one.answer, one.verdict) for one in parsed.tries] == [(p.answer, p.correct) for p in arranged.pairs]
        for body, pair in zip(SUBGOALS.bodies(text), arranged.pairs, strict=True):
            assert isinstance(pair, Decomposition)
            assert body == Body(pair.goals, tuple((work.step, work.check) for work in pair.works), True, 0)


def test_a_trace_ends_right_and_takes_no_steps_twice() -> None:
    pairs = [chain([1, 2, n % 3 + 3], 6, n) for n in range(9)]
    found = list(traces(pairs, most_wrong=4))
    assert len(found) == 3
    for segments in found:
        bodies = list(SUBGOALS.bodies(text_of(segments)))
        assert len({body.works for body in bodies}) == len(bodies) <= 3
        assert [s.correct for s in segments if s.kind == "attempt"] == [False] * (len(bodies) - 1) + [True]


def test_a_failed_subgoal_is_done_again_by_an_attempt_that_began_in_the_same_way() -> None:
    whole, slipped = chain([1, 2, 3], 6, 0), chain([1, 2, 3], 6, 1, slip=1)
    (segments,) = traces([whole, slipped])
    (body,) = SUBGOALS.bodies(text_of(segments))
    assert body.works == (("1 + 2 = 3: 3", "1 + 2 = 3"), ("3 + 3 = 7", "3 + 3 = 6"), ("3 + 3 = 6",) * 2)
    sources = [segment.source for segment in segments if segment.kind == "step"]
    assert sources == [whole.attempt.key, slipped.attempt.key, whole.attempt.key]
    assert MEASURES["failed_done_again"](text_of(segments), SUBGOALS) == 1
    assert MEASURES["solved_in_order"](text_of(segments), SUBGOALS) == 1


@pytest.mark.parametrize(
    "other",
    [chain([2, 2, 3], 6, 1, slip=1), chain([1, 2, 4], 6, 1, slip=1), chain([1, 2, 3, 4], 6, 1, slip=2)],
    ids=["other first step", "other subgoal", "beyond its end"],
)
def test_a_failed_subgoal_of_another_beginning_is_in_no_trace(other: Pair) -> None:
    (segments,) = traces([chain([1, 2, 3], 6, 0), other], subgoals="steps")
    assert {s.source for s in segments if s.kind == "step"} == {chain([1, 2, 3], 6, 0).attempt.key}


def test_without_redo_no_failed_subgoal_is_shown() -> None:
    (segments,) = traces([chain([1, 2, 3], 6, 0), chain([1, 2, 3], 6, 1, slip=1)], redo=False)
    assert sum(segment.kind == "step" for segment in segments) == 2


def test_the_strategy_gives_pairs_that_it_was_given_and_draws_from_its_random_alone() -> None:
    check_strategy(Decompose())
    pairs = [chain([1, n, 3], 6, n) for n in range(1, 9)]
    assert list(traces(pairs, seed=5)) == list(traces(pairs, seed=5))
    assert [text_of(t) for t in traces(pairs, seed=5)] != [text_of(t) for t in traces(pairs, seed=6)]


@pytest.mark.parametrize("options", [{"split": "words"}, {"subgoals": "mine"}, {"most_wrong": -1}])
def test_options_that_make_no_sense_are_refused(options: dict[str, object]) -> None:
    with pytest.raises(ValueError):
        Decompose(**options)  # type: ignore[arg-type]


@pytest.mark.parametrize("tags", [SUBGOALS, SHORT], ids=lambda tags: tags.name)
def test_the_tag_formats_keep_what_a_tag_format_promises(tags: Subgoals) -> None:
    check_tag_format(tags)
    found = apart(chain([15, 8, 1], 24))
    text = text_of(tags.write([found], [], PHRASE, found.answer))
    assert [body.goals for body in tags.bodies(text)] == [found.goals] and tags.parse(text).well_formed
    assert f"<{tags.marks[2]}>15 + 8 = 23</{tags.marks[2]}>" in text


@given(text=TANGLES)
def test_any_tangle_of_tags_is_read(text: str) -> None:
    body = SUBGOALS.read(text)
    assert len(body.works) <= text.count("<step>")
    for measure in MEASURES.values():
        value = measure(f"<sample>{text}</sample>", SUBGOALS)
        assert value is None or value >= 0


@pytest.mark.parametrize(
    ("body", "sound"),
    [
        ("<answer>1</answer>", True),
        ("<plan>\n+\n</plan><step>a</step><check>a</check>", True),
        ("<plan>\n+\n</plan>", False),
        ("<plan>\n</plan><step>a</step><check>a</check>", False),
        ("<plan>\n+\n</plan><step>a</step>", False),
        ("<plan>\n+\n</plan><step>a</step><step>a</step><check>a</check>", False),
        ("<plan>\n+\n</plan><check>a</check>", False),
        ("<step>a</step><check>a</check>", False),
        ("<plan>\n+\n</plan><step>a</step><check>a</check><plan>\n-\n</plan>", False),
        ("<plan>\n+\n<step>a</step></plan><check>a</check>", False),
        ("<plan>\n+\n</plan><step>a</step><check>a", False),
        ("</step><plan>\n+\n</plan><step>a</step><check>a</check>", False),
    ],
)
def test_an_attempt_has_one_plan_and_then_steps_with_a_check_each(body: str, sound: bool) -> None:
    assert SUBGOALS.read(body).sound is sound
    whole = f"<think>\n<sample>{body}</sample>\n</think>\n<answer>1</answer>"
    assert SUBGOALS.parse(whole).well_formed is sound


def test_no_attempt_or_phrase_may_bring_these_tags_along() -> None:
    assert SUBGOALS.breaks("a <step> b", inner="answer") and SUBGOALS.breaks("<think>", inner="answer")
    assert not SUBGOALS.breaks("a <answer>1</answer> <b>", inner="answer")


@pytest.mark.parametrize("marks", [("plan", "step", "verdict"), ("plan", "step")])
def test_tags_that_are_too_few_or_named_alike_are_refused(marks: tuple[str, ...]) -> None:
    with pytest.raises(SkillFactoryError, match=r"two tags have one name|has to name three tags"):
        attrs.evolve(SUBGOALS, marks=marks)
    assert isinstance(SUBGOALS, Subgoals)


@pytest.mark.parametrize("place", ["<step>a</step>{}", "{}<plan>", "<sample>{}</sample></check>"])
def test_these_tags_outside_of_attempts_are_malformed(place: str) -> None:
    plain = "<answer>1</answer>"
    inside = place.format("" if "sample" in place else "<sample><answer>1</answer></sample>")
    assert SUBGOALS.parse(f"<think><sample>{plain}</sample></think>{plain}").well_formed
    assert not SUBGOALS.parse(f"<think>{inside}</think>{plain}").well_formed


def test_a_trace_can_be_made_to_go_on_and_its_verdicts_can_be_changed() -> None:
    (segments,) = traces([chain([1, 2, 3], 6, 0), chain([1, 2, 4], 6, 1)], seed=3, most_wrong=1)
    text = text_of(segments)
    assert SUBGOALS.trigger(text) == "<sample>"
    assert SUBGOALS.extract(SUBGOALS.unended(text), final=True) is None
    places = cuts(text, SUBGOALS)
    assert [place.answer for place in places] == [one.answer for one in SUBGOALS.parse(text).tries]
    assert SUBGOALS.parse(places[-1].changed("swapped", SUBGOALS)).tries[-1].verdict is False
