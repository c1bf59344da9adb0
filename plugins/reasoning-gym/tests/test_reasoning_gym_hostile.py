"""Answers that would hang, crash or run something: each gets a grade in time, and nothing in it is run."""

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from skillfactory_core.errors import SkillFactoryError
from skillfactory_core.stages.problems import task_with
from skillfactory_core.task import make_problem
from skillfactory_reasoning_gym import pool, wire
from skillfactory_reasoning_gym.audit import COMPARED, GUARDED, LISTED
from skillfactory_reasoning_gym.task import PREFIX, SCORE_SECONDS, scored, tasks

ALL = {task.name: task for task in tasks()}
EVALUATED = [name for name, guard in GUARDED.items() if guard.answer is not None]
CODE = (
    "__import__('os').system('true')",
    "().__class__.__bases__[0].__subclasses__()",
    "[0 for _ in iter(int, 1)]",
    "(lambda f: f(f))(lambda f: f(f))",
    "'a' * 10**10",
    "[0] * 10**10",
    "exec('while 1: pass')",
    "open('/etc/passwd').read()",
    "x.__class__",
    "f'{1}'",
    "1;2",
    "1\n2",
)
POWERS = ("9**9**9", "9 ** 9 ** 9 ** 9", "(9**9)**(9**9)", "2**(2**(2**(2**(2**2))))", "-9**-9**9", "9**999999999")
PATIENCE = 20 * SCORE_SECONDS
"seconds by the clock, on a machine that may be busy; its computing time is limited to one"


@pytest.fixture(scope="module")
def problems() -> dict[str, dict[str, object]]:
    names = [
        *EVALUATED,
        *COMPARED,
        *LISTED,
        "coin_flip",
        "rubiks_cube",
        "prime_factorization",
        "propositional_logic",
        "number_sorting",
    ]
    return {name: make_problem(ALL[PREFIX + name], 3, "train", 0).params for name in names}


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, object]]:
    """What workers were asked."""
    requests: list[dict[str, object]] = []
    real = pool.ask
    monkeypatch.setattr(pool, "ask", lambda request, seconds: requests.append(request) or real(request, seconds))
    return requests


@pytest.mark.parametrize("name", [*EVALUATED, *COMPARED, *LISTED])
def test_code_is_neither_right_nor_given_to_any_scorer(
    name: str, problems: dict[str, dict[str, object]], asked: list[dict[str, object]]
) -> None:
    for answer in CODE:
        assert not ALL[PREFIX + name].grade(problems[name], answer).correct
    assert asked == []


@pytest.mark.parametrize("name", ["countdown", "puzzle24", "polynomial_multiplication"])
def test_a_deep_power_is_not_evaluated(
    name: str, problems: dict[str, dict[str, object]], asked: list[dict[str, object]]
) -> None:
    for answer in POWERS:
        assert ALL[PREFIX + name].grade(problems[name], answer).reason == "unparsable"
    assert asked == []


@pytest.mark.parametrize("answer", ["9**9**9", "exp(exp(exp(9999)))", "(x+1)**(9**9)", "(" * 90 + "x" + ")" * 90])
def test_an_integral_that_takes_for_ever_is_given_up(answer: str, problems: dict[str, dict[str, object]]) -> None:
    start = time.monotonic()
    assert not ALL["rg_simple_integration"].grade(problems["simple_integration"], answer).correct
    assert time.monotonic() - start < PATIENCE


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("coin_flip", "1e999999999"),
        ("coin_flip", "1/9e99999999"),
        ("rubiks_cube", "R " * 8_000),
        ("prime_factorization", "×".join(["9" * 4_000] * 4)),
        ("prime_factorization", "junk"),
        ("propositional_logic", "(" * 8_000),
        ("propositional_logic", "¬" * 16_000),
        ("number_sorting", "[" * 16_000),
        ("number_sorting", '["' + "9" * 16_000 + '"]'),
    ],
)
def test_hostile_answers_to_plain_scorers_get_a_grade(
    name: str, answer: str, problems: dict[str, dict[str, object]]
) -> None:
    start = time.monotonic()
    assert not ALL[PREFIX + name].grade(problems[name], answer).correct
    assert time.monotonic() - start < PATIENCE


def test_an_answer_that_is_longer_than_any_is_not_looked_at(problems: dict[str, dict[str, object]]) -> None:
    for name, params in problems.items():
        assert ALL[PREFIX + name].grade(params, "9" * 1_000_000).reason == "too_long"


def evaluate(answer: str, problems: dict[str, dict[str, object]]) -> dict[str, object]:
    """What a worker says of an answer to a scorer that evaluates it, without the guard before it."""
    params = problems["polynomial_multiplication"]
    return scored("polynomial_multiplication", str(params["options"]), str(params["entry"]), answer)


def test_a_worker_runs_no_program_and_writes_no_file(tmp_path: Path, problems: dict[str, dict[str, object]]) -> None:
    trace = tmp_path / "trace"
    for answer in (
        f"__import__('os').system('touch {trace}')",
        f"__import__('subprocess').run(['touch', '{trace}'])",
        f"open('{trace}', 'w').write('x')",
        f"__import__('pathlib').Path('{trace}').mkdir()",
        f"__import__('os').fork() or open('{trace}', 'a')",
    ):
        assert "score" not in evaluate(answer, problems), answer
    assert not trace.exists()


@pytest.mark.parametrize(
    ("answer", "reply"),
    [
        ("9**9**9**9", {"lost": "timeout"}),
        ("''.join(['b']*10**10)", {"score": 0.0}),
        ("[0]*10**10", {"score": 0.0}),
        ("exec('def f(): return f()') or f()", {"score": 0.0}),
        ("__import__('os')._exit(1)", {"lost": "crash"}),
    ],
)
def test_a_worker_that_evaluates_a_bomb_is_ended_or_refused_and_the_next_one_works(
    answer: str, reply: dict[str, object], problems: dict[str, dict[str, object]]
) -> None:
    start = time.monotonic()
    assert evaluate(answer, problems) == reply
    assert time.monotonic() - start < PATIENCE
    task = ALL["rg_polynomial_multiplication"]
    params = problems["polynomial_multiplication"]
    assert evaluate(f"0 + {task.reference(params)}", problems) == {"score": 1.0}


def test_other_forms_of_a_right_answer_are_right(problems: dict[str, dict[str, object]]) -> None:
    for name in ("countdown", "puzzle24", "polynomial_multiplication", "simple_integration"):
        task, params = ALL[PREFIX + name], problems[name]
        assert task.grade(params, f"({task.reference(params)})").correct, name


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("coin_flip", "0"),
        ("complex_arithmetic", "nan"),
        ("complex_arithmetic", "-nan + 3i"),
        ("figlet_font", "{} or not"),
        ("game_of_life_halting", "maybe"),
        ("puzzle24", "6 * 4 * 1 * 1"),
    ],
)
def test_an_answer_that_their_scorer_takes_and_that_is_plainly_wrong_is_wrong(name: str, answer: str) -> None:
    options = {"min_word_len": 10, "max_word_len": 12} if name == "figlet_font" else {}
    task = task_with(PREFIX + name, options)
    params = make_problem(task, 3, "train", 0).params
    text = answer.format(task.reference(params))
    if name not in COMPARED:
        assert scored(name, str(params["options"]), str(params["entry"]), text) == {"score": 1.0}
    assert task.grade(params, text).reason == "wrong"


@pytest.mark.parametrize(
    ("name", "form"), [("coin_flip", "0{}"), ("complex_arithmetic", "({})"), ("figlet_font", "{} ")]
)
def test_what_is_asked_for_beside_a_score_leaves_right_answers_right(name: str, form: str) -> None:
    task = ALL[PREFIX + name]
    params = make_problem(task, 3, "train", 0).params
    assert task.grade(params, form.format(task.reference(params)).lower()).correct


def test_a_problem_from_a_file_that_would_be_evaluated_is_refused(problems: dict[str, dict[str, object]]) -> None:
    changes = {
        "number_sorting": lambda entry: {**entry, "answer": "__import__('os').system('true')"},
        "polynomial_multiplication": lambda entry: {**entry, "answer": "[0 for _ in iter(int, 1)]"},
        "simple_integration": lambda entry: {**entry, "metadata": {**entry["metadata"], "integrand": "x.__class__"}},
    }
    for name, change in changes.items():
        params = problems[name]
        changed = {**params, "entry": wire.write(change(wire.read(str(params["entry"]))))}
        with pytest.raises(SkillFactoryError, match=f"rg_{name} problem: it holds what reasoning-gym does not make"):
            ALL[PREFIX + name].question(changed)


@pytest.mark.parametrize(
    "params", [{}, {"entry": 1, "options": "{}"}, {"entry": "[", "options": "{}"}, {"entry": "{}", "options": "{}"}]
)
def test_a_problem_that_is_none_is_refused_in_one_line(params: dict[str, object]) -> None:
    with pytest.raises(SkillFactoryError, match="rg_ab problem: ") as error:
        ALL["rg_ab"].question(params)
    assert "\n" not in str(error.value)


def test_threads_get_the_same_grades(problems: dict[str, dict[str, object]]) -> None:
    task, params = ALL["rg_coin_flip"], problems["coin_flip"]
    answers = [f"{number}/97" for number in range(60)]
    with ThreadPoolExecutor(6) as threads:
        grades = list(threads.map(lambda answer: task.grade(params, answer), answers))
    assert grades == [task.grade(params, answer) for answer in answers]
