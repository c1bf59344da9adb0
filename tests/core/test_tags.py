"""Tag formats: what is written is read back, answers and verdicts are found by the rules, nothing breaks the parser."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from skillfactory_core import registry
from skillfactory_core.attempt import Attempt
from skillfactory_core.errors import SkillFactoryError
from skillfactory_core.reflection import Reflection
from skillfactory_core.skill import Phrase
from skillfactory_core.strategy import Pair
from skillfactory_core.tags import Parsed, TagFormat, Try
from skillfactory_skills.sample_reflect import register_tag_formats

(PAPER,) = register_tag_formats()
OTHER = TagFormat("other", "", "muse", "go", "doubt", "claim", "out", "Yes", "No")
FORMATS = pytest.mark.parametrize("tags", [PAPER, OTHER], ids=lambda tags: tags.name)

NAMES = ("think", "sample", "reflect", "verdict", "answer", "muse", "go", "doubt", "claim", "out")
PIECES = [f"<{slash}{name}>" for name in NAMES for slash in ("", "/")] + [
    "Correct",
    "no",
    " ",
    "\n",
    "<",
    ">",
    "</",
    "x",
]
TANGLES = st.lists(st.sampled_from(PIECES) | st.text(max_size=3), max_size=30).map("".join)
"texts full of tags in any order"
WORDS = st.text(alphabet=st.characters(exclude_characters="<>"), max_size=20)
PHRASE = Phrase("Once more.", "generic:1")


def attempt(text: str) -> Attempt:
    return Attempt("k", "p", "original", 0, text, 1, "stop")


def reflection(text: str) -> Reflection:
    return Reflection("k/check/0", "k", "p", "check", 0, text, 1, "stop", True, "")


def written(tags: TagFormat, pairs: list[Pair], answer: str) -> str:
    segments = tags.write(pairs, [PHRASE] * (len(pairs) - 1), Phrase("Done.", "closing:1"), answer)
    return "".join(segment.text for segment in segments)


@FORMATS
@given(data=st.data())
def test_a_written_trace_is_read_back_with_its_tries_verdicts_and_answer(tags: TagFormat, data: st.DataObject) -> None:
    pairs, tries = [], []
    for _ in range(data.draw(st.integers(1, 5))):
        answer = data.draw(WORDS).strip()
        claim = data.draw(st.sampled_from([None, True, False]))
        before, after = data.draw(WORDS), data.draw(WORDS)
        tried = attempt(f"{before}<{tags.answer}> {answer} </{tags.answer}>{after}")
        word = tags.correct if claim else tags.incorrect
        doubt = reflection(f"{before}<{tags.verdict}>{word.upper()}</{tags.verdict}>{after}")
        pairs.append(Pair(tried, answer, bool(claim), None if claim is None else doubt))
        tries.append(Try(answer, claim is not None, claim))
    text = written(tags, pairs, pairs[-1].answer)
    assert tags.parse(text) == Parsed(True, tuple(tries), pairs[-1].answer)


def own_tags(name: str) -> st.SearchStrategy[str]:
    return st.lists(st.sampled_from([f"<{name}>", f"</{name}>", "Correct", " ", "<"]), max_size=9).map("".join)


@given(own_tags("answer"), own_tags("verdict"))
@example("<answer>1</answer> or <answer>", "<verdict>Correct</verdict>")
@example("</answer> <answer>1</answer>", "</verdict><verdict>Correct</verdict>")
@example("<answer>1</answer>", "<verdict>Correct</verdict></verdict>")
def test_pieces_that_do_not_break_a_trace_make_a_well_formed_one(text: str, doubt: str) -> None:
    answer, claim = PAPER.extract(text, final=False), PAPER.read_verdict(doubt)
    if answer is not None and not PAPER.breaks(text, "answer"):
        whole = written(PAPER, [Pair(attempt(text), answer, True, None)], answer)
        assert PAPER.parse(whole) == Parsed(True, (Try(answer, False, None),), answer)
    if claim is not None and not PAPER.breaks(doubt, "verdict"):
        whole = written(PAPER, [Pair(attempt("<answer>1</answer>"), "1", claim, reflection(doubt))], "1")
        assert PAPER.parse(whole) == Parsed(True, (Try("1", True, claim),), "1")


@pytest.mark.parametrize(
    ("text", "broken"),
    [
        ("2 < 3 <b>bold</b> <answer>1</answer>", False),
        ("<answer>1</answer> no, <answer>2</answer>", False),
        ("<answer>1", True),
        ("1</answer>", True),
        ("<answer><answer>1</answer></answer>", True),
        ("<answer>1</answer><verdict>Correct</verdict>", True),
        ("</think><answer>1</answer>", True),
        ("<sample><answer>1</answer></sample>", True),
        ("<reflect>", True),
    ],
)
def test_tags_that_would_break_a_trace_are_noticed(text: str, broken: bool) -> None:
    assert PAPER.breaks(text, inner="answer") is broken


@FORMATS
@given(TANGLES)
def test_no_text_makes_the_parser_raise(tags: TagFormat, text: str) -> None:
    parsed = tags.parse(text)
    assert parsed.answer == tags.extract(text, final=True)
    tags.read_verdict(text)


GOOD = "<think>\n<sample>a <answer>1</answer></sample>\n<reflect>b <verdict>Correct</verdict></reflect>\n</think>\nSo\n"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "<answer>1</answer>",
        GOOD,
        "Well. " + GOOD + "<answer>1</answer>",
        GOOD + "<answer>1</answer> and more",
        GOOD + "<answer>1",
        GOOD + "<answer>1</answer><answer>1</answer>",
        GOOD + "<sample><answer>1</answer></sample><answer>1</answer>",
        GOOD + GOOD + "<answer>1</answer>",
        GOOD.replace("</reflect>", "") + "<answer>1</answer>",
        GOOD.replace("</sample>", "") + "<answer>1</answer>",
        GOOD.replace("</think>", "") + "<answer>1</answer>",
        GOOD.replace("<think>", "") + "<answer>1</answer>",
        GOOD.replace("Correct", "Perhaps") + "<answer>1</answer>",
        GOOD.replace("<verdict>Correct</verdict>", "") + "<answer>1</answer>",
        GOOD.replace("</think>", "<reflect><verdict>Correct</verdict></reflect></think>") + "<answer>1</answer>",
        GOOD.replace("</think>", "<answer>1</answer></think>") + "<answer>1</answer>",
        GOOD.replace("b <verdict>", "b <answer>1</answer><verdict>") + "<answer>1</answer>",
        GOOD.replace("a <answer>", "a <verdict>Correct</verdict><answer>") + "<answer>1</answer>",
        GOOD.replace("</think>", "</answer></think>") + "<answer>1</answer>",
        "<think>I think.</think><answer>1</answer>",
        "<think><reflect><verdict>Correct</verdict></reflect><sample></sample></think><answer>1</answer>",
    ],
)
def test_a_malformed_response_is_not_well_formed(text: str) -> None:
    assert PAPER.parse(GOOD + "<answer>1</answer>\n").well_formed
    assert not PAPER.parse(text).well_formed


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("", None),
        ("1", None),
        ("<answer>1", None),
        ("1</answer>", None),
        ("</answer>1<answer>", None),
        ("<answer>1</answer>", "1"),
        ("<answer> 1 \n</answer>", "1"),
        ("<answer></answer>", ""),
        ("<answer>1</answer> <answer>2</answer>", "2"),
        ("<answer>1</answer> <answer>2", "1"),
        ("<answer>1<answer>2</answer>3</answer>", "2"),
        ("<answer>1</answer>2</answer>", "1"),
        ("<Answer>1</Answer>", None),
        ("<answer >1</answer>", None),
        ("<think><answer>1</answer>", "1"),
    ],
)
def test_the_answer_of_an_attempt_is_the_last_opened_one_that_is_closed(text: str, answer: str | None) -> None:
    assert PAPER.extract(text, final=False) == answer


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("<answer>1</answer>", "1"),
        ("<think><answer>1</answer>", None),
        ("<think><answer>1</answer></think>", None),
        ("<think><answer>1</answer></think><answer>2</answer>", "2"),
        ("<answer>1</answer><think></think>", None),
        ("<answer>1</answer></think>", None),
        ("</think><answer>1</answer>", "1"),
        ("<think></think><answer>1</answer><think>", None),
        ("<think></think><answer>1</answer><think></think><answer>2</answer>", "2"),
        ("<think><answer></think>1</answer>", None),
    ],
)
def test_the_final_answer_stands_after_the_last_closed_think_block(text: str, answer: str | None) -> None:
    assert PAPER.extract(text, final=True) == answer


@given(TANGLES)
def test_the_answer_is_what_a_naive_search_finds(text: str) -> None:
    start, end = "<answer>", "</answer>"
    starts = [at + len(start) for at in range(len(text)) if text.startswith(start, at)]
    closed = [at for at in starts if end in text[at:]]
    naive = text[closed[-1] :].split(end)[0].strip() if closed else None
    assert PAPER.extract(text, final=False) == naive


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        ("", None),
        ("Correct", None),
        ("<verdict>Correct</verdict>", True),
        ("<verdict> incorrect\n</verdict>", False),
        ("<verdict>Correct</verdict> <verdict>correct</verdict>", True),
        ("<verdict>Correct</verdict> <verdict>Incorrect</verdict>", None),
        ("<verdict>Correct</verdict> <verdict>Correct", None),
        ("<verdict>Correct, I think</verdict>", None),
        ("<verdict>Correct</verdict> <verdict></verdict>", None),
        ("<verdict></verdict>", None),
    ],
)
def test_a_verdict_is_one_clear_claim(text: str, verdict: bool | None) -> None:
    assert PAPER.read_verdict(text) is verdict


@pytest.mark.parametrize(
    "hostile",
    [
        lambda n: "<answer>" * n,
        lambda n: "<answer>1</answer>" * n,
        lambda n: "<think><sample>" + "<answer>1</answer>" * n,
        lambda n: "<think></think>" + "<answer>1</answer>\n" * n,
        lambda n: "<think>" + "<reflect><verdict>" * n,
        lambda n: " " * 8 * n + "<think>" * n,
        lambda n: "<think>" * n + "</answer></sample></verdict>" * n,
        lambda n: "<think><sample>" * n + "</answer></sample></verdict>" * n,
        lambda n: "<sample>x" * n + "</sample>" * n,
        lambda n: "<verdict>" * n + "</verdict>" * n,
    ],
    ids=lambda hostile: hostile(3)[:40].strip(),
)
def test_reading_hostile_text_takes_time_in_proportion_to_its_length(hostile: Callable[[int], str]) -> None:
    def seconds(count: int) -> float:
        text = hostile(count)
        best = float("inf")
        for _ in range(3):  # the machine may be busy
            start = time.process_time()
            PAPER.parse(text)
            PAPER.extract(text, final=False)
            PAPER.read_verdict(text)
            best = min(best, time.process_time() - start)
        return best

    assert seconds(8_000) < 0.25
    # Eight times the text: eight times the time, where a quadratic reader takes 64 times.
    assert seconds(16_000) < 25 * seconds(2_000) + 0.01


FILE = """
name = "mine"
summary = "other names"
think = "scratch"
attempt = "draft"
reflection = "review"
verdict = "judgement"
answer = "out"
correct = "Holds"
incorrect = "Fails"
"""


def test_a_tag_format_can_be_a_file(tmp_path: Path) -> None:
    (tmp_path / "tags.toml").write_text(FILE)
    found = registry.find_tags(str(tmp_path / "tags.toml"))
    assert found.extract("<scratch>a</scratch> <out>4</out>", final=True) == "4"
    assert found.read_verdict("<judgement>holds</judgement>") is True


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (FILE.replace('think = "scratch"', ""), "missing"),
        (FILE + 'more = "x"', "unknown"),
        (FILE.replace('"out"', "7"), "unfit"),
        (FILE.replace('"out"', '""'), "unfit"),
        (FILE.replace('"out"', '"draft"'), "two tags have one name"),
        (FILE.replace('"Fails"', '"holds"'), "both verdicts are"),
        (FILE + 'marks = "back"', "unfit"),
        (FILE + 'marks = [""]', "unfit"),
        (FILE + 'marks = ["draft"]', "two tags have one name"),
        ("name =", "tags.toml"),
    ],
)
def test_a_tag_file_that_cannot_be_used_is_one_line(tmp_path: Path, content: str, why: str) -> None:
    (tmp_path / "tags.toml").write_text(content)
    with pytest.raises(SkillFactoryError) as error:
        registry.find_tags(str(tmp_path / "tags.toml"))
    assert why in str(error.value) and "\n" not in str(error.value)


def test_further_tags_may_stand_between_attempts_and_nowhere_else(tmp_path: Path) -> None:
    (tmp_path / "tags.toml").write_text(FILE + 'marks = ["aim", "back"]')
    tags = registry.find_tags(str(tmp_path / "tags.toml"))
    one, back = "<draft>a <out>1</out></draft>\n", "<back>to a</back>\n"
    assert tags.parse(f"<scratch>{one}{back}{one}</scratch><out>1</out>").well_formed
    assert len(tags.parse(f"<scratch>{one}{back}{one}</scratch><out>1</out>").tries) == 2
    for wrong in (
        f"<scratch>{one}</scratch>{back}<out>1</out>",
        f"<scratch><draft>{back}<out>1</out></draft></scratch><out>1</out>",
    ):
        assert not tags.parse(wrong).well_formed
    assert tags.breaks("a <aim>b</aim>", inner="out") and not tags.breaks("a <goal>b</goal>", inner="out")
