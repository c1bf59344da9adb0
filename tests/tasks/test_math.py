"""Mathematics: the table of cases, what is decided exactly, and the workers that can be killed."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from pathlib import Path
from typing import Any

import mpmath
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from test_graders import MEGABYTE, POISON, TABLES, at_depth, within

from skillfactory_core.attempt import REASONS, UNCHECKED, Grade
from skillfactory_core.errors import SkillFactoryError
from skillfactory_core.testing import read_cases
from skillfactory_tasks import algebra, equivalence, latex, math, openthoughts, symbolic
from skillfactory_tasks.math import Math, SmallMath
from skillfactory_tasks.openthoughts import OpenThoughts, boxed, final_answer
from skillfactory_tasks.quotient import Unclear

TASK = Math(deadline=60)
CASES = read_cases(TABLES / "math.jsonl")
FAST = [case for case in CASES if case["reason"] in ("limit", "unparsable", "too_long", "no_answer")]
SLOW = ["(((((9^99)^99)^99)^99)^99)", "((((9999!)!)!)!)", "(a+b+c+d+f+g+h)^{300}", r"\binom{99999999}{5555555}"]
"within the static limits, and without end for sympy"


def reason(gold: str, answer: str, deadline: int = 60) -> str:
    return Math(deadline=deadline).grade({"question": "?", "answer": gold}, answer).reason


@pytest.fixture(autouse=True, scope="module")
def warm() -> Iterator[None]:
    """Starting the first worker imports sympy, which is not part of any deadline."""
    assert reason(r"\sin^2 x", r"1-\cos^2 x", 60) == "ok"
    return


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['submitted'][:30]!a} {case['why']}")
def test_the_table_of_cases_is_graded_as_it_says(case: dict[str, Any]) -> None:
    answer = None if case["reason"] == "no_answer" else case["submitted"]
    assert TASK.grade(case, case["submitted"]) == Grade(case["correct"], answer, case["reason"]), case["why"]


def test_the_table_has_a_reason_and_a_why_in_every_row_and_no_row_twice() -> None:
    assert {case["reason"] for case in CASES} == set(REASONS) - set(UNCHECKED)
    assert all(case["correct"] == (case["reason"] == "ok") and case["why"] for case in CASES)
    assert len({(case["answer"], case["submitted"]) for case in CASES}) == len(CASES)


def test_every_gold_of_the_table_is_right_itself() -> None:
    assert all(TASK.grade(case, TASK.reference(case)).correct for case in CASES)


def grade_all() -> list[Grade]:
    return [TASK.grade(case, case["submitted"]) for case in CASES]


def forget() -> None:
    equivalence.read.cache_clear()
    symbolic.compare.cache_clear()


def test_eight_threads_give_the_same_grades() -> None:
    expected = grade_all()
    forget()
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(lambda _: grade_all(), range(8))) == [expected] * 8


def test_asyncio_gives_the_same_grades() -> None:
    async def everything() -> list[Grade]:
        return await asyncio.gather(*(asyncio.to_thread(TASK.grade, case, case["submitted"]) for case in CASES))

    forget()
    assert asyncio.run(everything()) == grade_all()


def test_a_stack_of_900_frames_gives_the_same_grades() -> None:
    expected = grade_all()
    forget()
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(1_000)
    try:
        assert at_depth(900, grade_all) == expected
    finally:
        sys.setrecursionlimit(limit)


def test_a_forked_child_grades_with_workers_of_its_own() -> None:
    child = os.fork()
    if child == 0:
        os._exit(0 if reason(r"\cos 2x", r"1-2\sin^2 x", 60) == "ok" else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert reason(r"\cos 2x", r"2\cos^2 x-1") == "ok"


def test_a_script_without_a_main_guard_is_not_run_again() -> None:
    code = (
        "print('once')\nfrom skillfactory_tasks.math import Math\n"
        "print(Math().grade({'answer': r'\\sin^2 x'}, r'1-\\cos^2 x').reason)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout == "once\nok\n" and run.stderr == ""


def test_the_workers_end_with_the_process_that_asked() -> None:
    code = (
        "from skillfactory_tasks import symbolic\nsymbolic.compare(('x',), ('y',), 60)\n"
        "import os; print(symbolic._workers.parent.pid, symbolic._workers.idle[0].pid, flush=True); os.kill(os.getpid(), 9)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    waiting = {int(pid) for pid in run.stdout.split()}
    assert len(waiting) == 2
    for _ in range(100):
        waiting = {pid for pid in waiting if alive(pid)}
        time.sleep(0.05)
        if not waiting:
            break
    assert not waiting


def alive(pid: int) -> bool:
    """A process that has ended and that nobody has waited for is not alive."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.parametrize("answer", SLOW)
def test_what_has_no_end_is_given_up_at_the_deadline_and_the_next_answer_is_graded_at_once(answer: str) -> None:
    start = time.perf_counter()
    assert reason(r"x^2+\sin x", answer, 1) == "timeout"
    taken = time.perf_counter() - start
    assert 1 <= taken < 5  # 2 to 4 ms after the deadline, where the machine is not busy
    start = time.perf_counter()
    assert reason(r"\sin 2x", r"2\cos x\sin x") == "ok"
    symbolic.compare.cache_clear()
    assert time.perf_counter() - start < 10


def test_what_was_given_up_is_not_tried_again() -> None:
    assert reason(r"x^2+\sin x", SLOW[0], 1) == "timeout"
    assert within(0.01, lambda: reason(r"x^2+\sin x", SLOW[0], 1))


def test_a_worker_that_dies_is_a_crash_and_is_replaced() -> None:
    symbolic.compare.cache_clear()
    assert reason(r"\sin 2x", r"2\cos x\sin x") == "ok"
    worker = symbolic._workers.idle[-1]
    os.kill(worker.pid, signal.SIGSTOP)
    with ThreadPoolExecutor(1) as pool:
        grade = pool.submit(reason, r"\sin 2x+x", r"2\cos x\sin x+x", 30)
        time.sleep(0.2)
        os.kill(worker.pid, signal.SIGKILL)
        assert grade.result() == "crash"
    assert reason(r"\sin 2x+1", r"2\cos x\sin x+1") == "ok"


def test_a_worker_that_died_in_its_sleep_is_replaced_without_notice() -> None:
    symbolic.compare.cache_clear()
    for worker in list(symbolic._workers.idle):
        os.kill(worker.pid, signal.SIGKILL)
    time.sleep(0.1)
    assert reason(r"\sin 2x+2", r"2\cos x\sin x+2") == "ok"


def test_a_parent_that_died_is_replaced_without_notice() -> None:
    symbolic.compare.cache_clear()
    assert symbolic._workers.parent is not None
    symbolic._workers.parent.kill()
    symbolic._workers.parent.wait()
    for worker in symbolic._workers.idle:
        worker.kill()
    symbolic._workers.idle.clear()
    assert reason(r"\sin 2x+3", r"2\cos x\sin x+3", 60) == "ok"


def test_a_worker_has_a_memory_limit() -> None:
    symbolic.compare.cache_clear()
    assert reason(r"\sin 2x+4", r"2\cos x\sin x+4") == "ok"
    limits = Path(f"/proc/{symbolic._workers.idle[-1].pid}/limits").read_text()
    assert any(line.startswith("Max address space") and str(1 << 30) in line for line in limits.splitlines())


def test_sympy_is_not_imported_by_the_process_that_asks() -> None:
    code = (
        "import sys\nfrom skillfactory_tasks.math import Math\n"
        "assert Math().grade({'answer': r'\\sin^2 x'}, r'1-\\cos^2 x').correct\n"
        "print([m for m in ('sympy', 'math_verify', 'datasets') if m in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


@pytest.mark.parametrize("gold", ["7", "x^2+1", "(1,2)", "1,2"])
def test_poison_is_graded_before_the_deadline(gold: str) -> None:
    task = Math(deadline=2)
    for unit in POISON:
        text = unit * (MEGABYTE // len(unit))
        assert task.grade({"answer": gold}, text) == Grade(False, text, "too_long")
        assert within(0.010, lambda text=text: task.grade({"answer": gold}, text)), ascii(unit)
        for length in (60, 500, 4096):
            text = (unit * length)[:length]
            start = time.perf_counter()
            assert task.grade({"answer": gold}, text).reason in REASONS
            assert time.perf_counter() - start < 10, ascii(unit)


PIECES = (
    r"1|2|07|.5|x|y|e|i|\pi|\sqrt|\frac|{|}|(|)|[|]|\{|\}|,|=|+|-|*|/|^|_|!|<|\le|\cup|\in|\pm|\infty|\sin|\text"
    r"|\begin{pmatrix}|\\|&|$|\boxed|9^9|and|.|:|%|٣|é| "
)


@settings(max_examples=300, deadline=None)
@given(
    st.one_of(
        st.text(st.characters(), max_size=200), st.lists(st.sampled_from(PIECES.split("|")), max_size=14).map("".join)
    )
)
@example("\ud800")
@example("1_")
@example("²!")
@example("x_")
@example("\\=")
@example("√" * 60)
@example(r"\frac{1}{2}}")
def test_any_text_gets_a_grade(text: str) -> None:
    for gold in ("7", r"\frac{x+1}{2}", "(1,2]", "y=2x"):
        grade = Math(deadline=1).grade({"answer": gold}, text)
        assert grade.reason in REASONS and grade.correct == (grade.reason == "ok")


RATIONALS = st.fractions(max_denominator=500)
WRITERS = [
    lambda f: f"{f.numerator}/{f.denominator}",
    lambda f: rf"\frac{{{f.numerator}}}{{{f.denominator}}}",
    lambda f: rf"$\dfrac{{{3 * f.numerator}}}{{{3 * f.denominator}}}$",
    lambda f: rf"\boxed{{{'-' if f < 0 else ''}\frac{{{abs(f.numerator)}}}{{{f.denominator}}}}}",
    lambda f: rf"x = \frac{{{-f.numerator}}}{{{-f.denominator}}}",
]


@settings(max_examples=300, deadline=None)
@given(RATIONALS, RATIONALS, st.sampled_from(WRITERS), st.sampled_from(WRITERS))
def test_rationals_are_equal_exactly_when_they_are(
    one: Fraction, other: Fraction, write: Any, write_other: Any
) -> None:
    assert reason(write(one), write_other(one)) == "ok"
    assert reason(write(one), write_other(other)) == ("ok" if one == other else "wrong")


mpmath.mp.dps = 80
LEAVES = {
    "x": mpmath.mpf(37) / 11,
    "y": mpmath.mpf(-53) / 7,
    r"\pi": mpmath.pi,
    "2": mpmath.mpf(2),
    "5": mpmath.mpf(5),
    r"\sqrt{2}": mpmath.sqrt(2),
    r"\sqrt{12}": mpmath.sqrt(12),
    "1.5": mpmath.mpf("1.5"),
    "2^x": 2 ** (mpmath.mpf(37) / 11),
    "6^{x+1}": 6 ** (mpmath.mpf(48) / 11),
    "3^{1-x}": 3 ** (mpmath.mpf(-26) / 11),
    "e^{2y}": mpmath.exp(mpmath.mpf(-106) / 7),
}
SHAPES: dict[str, Callable[[Any, Any], Any]] = {
    "({} + {})": lambda a, b: a + b,
    "({} - {})": lambda a, b: a - b,
    r"({} \cdot {})": lambda a, b: a * b,
    r"\frac{{{}}}{{{}}}": lambda a, b: a / b,
    "(({})^2 + {})": lambda a, b: a**2 + b,
    "(-{} + {})": lambda a, b: b - a,
}


@st.composite
def expressions(draw: st.DrawFn, depth: int = 3) -> tuple[str, Any]:
    """LaTeX of polynomials, quotients and roots, and its value to 80 digits at some x and y."""
    if depth == 0 or draw(st.integers(0, 4)) == 0:
        leaf = draw(st.sampled_from(list(LEAVES)))
        return leaf, LEAVES[leaf]
    (left, a), (right, b) = draw(expressions(depth - 1)), draw(expressions(depth - 1))
    shape = draw(st.sampled_from(list(SHAPES)))
    assume("frac" not in shape or abs(b) > 1e-30)
    return shape.format(left, right), SHAPES[shape](a, b)


def verdict(one: str, other: str) -> bool:
    return algebra.equal(latex.tokens(latex.clean(one)), latex.tokens(latex.clean(other)))


@settings(max_examples=400, deadline=None)
@given(expressions(), expressions())
def test_algebra_agrees_with_numbers(one: tuple[str, Any], other: tuple[str, Any]) -> None:
    """Two expressions that algebra calls equal have one value, and those it calls different have two."""
    try:
        equal = verdict(one[0], other[0])
    except Unclear:
        return
    assert equal == (abs(one[1] - other[1]) < 1e-50 * (1 + abs(one[1])))


@settings(max_examples=400, deadline=None)
@given(expressions(), expressions(depth=1), st.data())
def test_a_changed_form_is_equal_and_a_changed_value_is_not(
    one: tuple[str, Any], two: tuple[str, Any], data: st.DataObject
) -> None:
    text, more = one[0], two[0]
    forms = [
        f"\\frac{{2 \\cdot {text}}}{{2}}",
        f"{text} + {more} - ({more})",
        f"({text})({more}) - ({more} - 1)({text})",
        f"-(-{text})",
    ]
    form = data.draw(st.sampled_from(forms))
    try:
        assert verdict(text, form)
        assert verdict(text, f"{form} + {more}") == (abs(two[1]) < 1e-50)
    except Unclear:
        pass
    assert reason(text, f" \\left( {text} \\right)") == "ok"


@pytest.mark.parametrize(
    ("one", "other", "equal"),
    [
        ("4^{n+1}", r"2^n \cdot 2^n \cdot 4", True),
        ("4^{n+1}", "4^{n-1}", False),
        ("6^n", r"2^n \cdot 3^n", True),
        (r"\frac{1}{2^n}", "2^{-n}", True),
        ("(e^x)^2", "e^{2x}", True),
        ("e^{2x}", "e^{x^2}", False),
        (r"\sqrt{x}+\sqrt{1+\sqrt{y}}", r"\sqrt{\sqrt{y}+1}+\sqrt{x}", True),
        ("√" * 100 + "x", "√" * 100 + "x", True),
        (r"\frac{x^2-1}{x-1}", "x+1", True),
        ("(1+i)^2", "2i", True),
        ("a_{12}b", "ba_{12}", True),
    ],
)
def test_algebra_decides(one: str, other: str, equal: bool) -> None:
    assert verdict(one, other) == equal


@pytest.mark.parametrize(
    "text",
    [
        r"e^{i\pi}", "x^n", "(-2)^n", "2^{n/2}", "1/2x", "x2", r"\sin x", "5!", "|x|", r"3\frac{1}{2}x", "x/0", "(x+y)^{99}", "2 3",
        r"\sqrt[3]{x}", "", "x+", "*x", "x**", "()", "x)(", r"\sqrt{1000003}", "(a+b+c+d)^{40}", r"\frac{1}{2}^{1/3}",
    ],
)  # fmt: skip
def test_algebra_leaves_to_others(text: str) -> None:
    with pytest.raises(Unclear):
        verdict(text, "z")


@pytest.mark.parametrize(
    ("one", "other", "equal"),
    [
        (r"(-\infty,2)\cup(2,\infty)", r"(2,\infty)\cup(-\infty,2)", True),
        (r"[1,2]\cup(2,3]", "[1,3]", True),
        (r"[1,2)\cup(2,3]", "[1,3]", False),
        (r"[1,2)\cup\{2\}\cup(2,3]", "[1,3]", True),
        (r"(1,2)\cup\{1,2\}", "[1,2]", True),
        (r"(0,5)\cup(1,2)", "(0,5)", True),
        (r"(0,5]\cup[5,6)", "(0,6)", True),
        (r"(0,\frac{1}{2})\cup(1,2)", r"(1,2)\cup(0,0.5)", True),
        (r"(0,1)\cup(1,2)", r"(0,1]\cup(1,2)", False),
    ],
)
def test_unions_of_intervals_are_compared_as_sets(one: str, other: str, equal: bool) -> None:
    assert (reason(one, other), reason(other, one)) == (("ok", "ok") if equal else ("wrong", "wrong"))


@pytest.mark.parametrize("tower", ["9^9^9", "9^{9^9}", "(9^9)^{9^9}", "2^{3^{4}}", "x^{2^{2^2}}"])
def test_powers_of_numbers_in_exponents_are_refused(tower: str) -> None:
    assert latex.broken_limit(latex.tokens(tower)) == "limit"


@pytest.mark.parametrize(
    "text", ["e^{x^2}", "x^{n^2}", "2^{10}", "x^2+y^2", r"\frac{x^2}{y^2}", "9999!", "10^{9999}", "x^{2}y^{3}"]
)
def test_other_powers_are_not(text: str) -> None:
    assert latex.broken_limit(latex.tokens(text)) == ""


@pytest.mark.parametrize(
    "params",
    [
        {"question": "?"},
        {"question": "?", "answer": 7},
        {"question": "?", "answer": " "},
        {"question": "?", "answer": "(1"},
        {"question": "?", "answer": "9^{9^9}"},
        {"question": "?", "answer": "x+" * 3000},
        {"answer": "7"},
    ],
    ids=lambda params: str(params)[:40],
)
def test_a_problem_that_cannot_be_graded_is_an_error_when_it_is_loaded(params: dict[str, Any]) -> None:
    with pytest.raises(SkillFactoryError, match=r"^math problem: (question|answer) "):
        TASK.question(params)


def write(path: Path, rows: list[dict[str, Any]]) -> str:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return str(path)


def test_a_file_of_questions_and_answers_is_a_set(tmp_path: Path) -> None:
    rows = [{"problem": f"What is half of {n}?", "answer": rf"\frac{{{n}}}{{2}}"} for n in range(60)]
    task = Math(path=write(tmp_path / "rows.jsonl", rows))
    found = [p for split in ("train", "rl", "validation", "evaluation") for p in task.problems(0, split)]
    assert len(found) == 60
    assert all(task.grade(p.params, task.reference(p.params)).correct for p in found)
    assert list(task.variants()) == ["default"]


def test_a_bad_answer_is_an_error_with_its_line(tmp_path: Path) -> None:
    path = write(tmp_path / "rows.jsonl", [{"problem": "?", "answer": "7"}, {"problem": "??", "answer": r"\frac{1}{"}])
    with pytest.raises(
        SkillFactoryError, match=r"rows\.jsonl:2: math problem: answer .* cannot be graded \(unparsable\): correct it"
    ):
        list(Math(path=path).problems(0, "train"))


def test_the_variants_are_three_published_sets_and_the_small_ones_are_answered_more_often() -> None:
    variants = Math(deadline=7).variants()
    assert {name: task.evaluation_samples for name, task in variants.items()} == {
        "math-500": 4,
        "aime-2025": 34,
        "amc": 34,
    }
    assert all(task.variant == name and task.deadline == 7 and task.name == "math" for name, task in variants.items())
    assert isinstance(variants["amc"], SmallMath) and len({task.source for task in variants.values()}) == 3


TRACE = "First \\boxed{9}, wait. </think> So it is \\boxed{\\frac{1}{2}}."


@pytest.mark.parametrize(
    ("said", "answer"),
    [
        (TRACE, r"\frac{1}{2}"),
        ("</think> \\boxed{7} and again \\boxed{ 7 }", "7"),
        ("</think> \\boxed{\\frac12} or \\boxed{\\frac{1}{2}}", r"\frac{1}{2}"),
        ("<think> \\boxed{1} </think> \\boxed{2} </think> \\boxed{3}", "3"),
        ("</think> \\boxed{\\sqrt{\\frac{a}{b}}}", r"\sqrt{\frac{a}{b}}"),
    ],
)
def test_the_answer_of_a_trace_is_the_last_box_after_the_thoughts(said: str, answer: str) -> None:
    assert final_answer(said, "</think>") == answer


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ("<think> \\boxed{7}", "without a boxed answer after the thoughts"),
        ("\\boxed{7} </think> it is 7", "without a boxed answer"),
        ("</think> \\boxed{}", "without a boxed answer"),
        ("</think> \\boxed{7", "without a boxed answer"),
        ("</think> \\boxed{7} or \\boxed{8}", "with boxed answers that differ"),
        ("</think> \\boxed{9^{9^9}}", "with an answer that cannot be graded"),
        ("</think> \\boxed{" + "x" * 5000 + "}", "with an answer that cannot be graded"),
    ],
)
def test_a_trace_without_one_clear_answer_is_dropped(said: str, why: str) -> None:
    with pytest.raises(openthoughts.Drop, match=why):
        final_answer(said, "</think>")


TRACES = [json.loads(line) for line in (TABLES / "openthoughts.jsonl").open(encoding="utf-8")]


@pytest.mark.parametrize("row", TRACES, ids=lambda row: row["why"])
def test_the_table_of_traces_gives_the_answers_that_it_says(row: dict[str, str]) -> None:
    try:
        found, dropped = final_answer(row["trace"], "</think>"), ""
    except openthoughts.Drop as drop:
        found, dropped = None, str(drop)
    assert (found, dropped) == (row["answer"], row["dropped"])


def test_boxes_are_found_in_linear_time() -> None:
    assert boxed("\\boxed{1} {\\boxed{{2}}}") == ["1", "{2}"]
    assert within(0.5, lambda: boxed("\\boxed{" * 20_000))


def test_rows_of_openthoughts_that_are_dropped_are_counted(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    def row(n: int, said: str) -> dict[str, Any]:
        return {
            "conversations": [{"from": "human", "value": f"Question {n}?"}, {"from": "gpt", "value": said}],
            "domain": "math",
        }

    rows = [row(n, TRACE) for n in range(40)] + [row(n, "no box") for n in range(40, 43)]
    rows += [row(50, "</think> \\boxed{1} \\boxed{2}")]
    task = OpenThoughts(path=write(tmp_path / "rows.jsonl", rows))
    found = [p for split in ("train", "rl", "validation", "evaluation") for p in task.problems(0, split)]
    assert len(found) == 40 and found[0].params["answer"] == r"\frac{1}{2}"
    assert task.grade(found[0].params, "0.5").correct
    assert task.dropped() == {"without a boxed answer after the thoughts": 3, "with boxed answers that differ": 1}
    assert "4 of 44 rows are left out: 1 with boxed answers that differ, 3 without a boxed answer" in caplog.text


@pytest.mark.parametrize("turns", [None, "text", [1], [{"from": "human"}], [{"from": "human", "value": 3}]], ids=str)
def test_a_row_of_openthoughts_that_is_no_conversation_is_an_error(turns: Any, tmp_path: Path) -> None:
    path = write(tmp_path / "rows.jsonl", [{"conversations": turns}])
    with pytest.raises(SkillFactoryError, match=r"rows\.jsonl:1: .*conversations"):
        list(OpenThoughts(path=path).problems(0, "train"))


def test_openthoughts_also_reads_a_question_and_a_trace_from_two_columns(tmp_path: Path) -> None:
    path = write(tmp_path / "rows.jsonl", [{"q": f"Question {n}?", "trace": TRACE} for n in range(9)])
    task = OpenThoughts(path=path, conversations_column="", question_column="q", answer_column="trace", limit=8)
    assert sum(len(list(task.problems(0, split))) for split in ("train", "rl", "validation", "evaluation")) == 8


def test_the_plugins_register_their_tasks() -> None:
    assert math.register_tasks() == [Math()]
    assert openthoughts.register_tasks() == [OpenThoughts()]
