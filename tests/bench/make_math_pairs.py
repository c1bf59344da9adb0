"""Writes tests/cases/math_pairs.jsonl: 500 pairs of a gold and an answer, mixed as the answers of contest problems are.

    python tests/bench/make_math_pairs.py

Every pair says whether it is equal because it is made so, not because a grader said so. The kinds and their shares
follow what published sets hold (half of the golds are integers; functions are rare); the golds are drawn, the ways in
which an answer is written are those of models: another spelling, a wrapping, a unit, another form, a slip.
"""

import json
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from random import Random

OUT = Path(__file__).parents[1] / "cases/math_pairs.jsonl"
Pair = tuple[str, str, bool]
WRAPPINGS = ("{}", "${}$", r"\boxed{{{}}}", r"$\boxed{{{}}}$", "**{}**", "{}.", r"\({}\)", r"The answer is ${}$.")


def integer(random: Random) -> Pair:
    n = random.choice((random.randint(-20, 200), random.randint(1, 9_999), random.randint(10**4, 10**7)))
    right = [
        str(n),
        f"{n}.0",
        f"x = {n}",
        f"{n:,}",
        f"{n}\\text{{ cm}}",
        f"{n}^\\circ",
        f"{n:,}".replace(",", "{,}"),
        f"{n} units",
    ]
    wrong = [
        str(n + 1),
        str(-n if n else 1),
        f"{n}0",
        f"{n}.5",
        f"{n}x",
        f"{n - 1} + 1",
        f"2 \\cdot {n}",
        f"{n}, {n + 2}",
        "x",
    ]
    return pair(random, str(n), right, wrong)


def rational(random: Random) -> Pair:
    f = Fraction(random.randint(-40, 60) * 2 + 1, random.choice((2, 3, 4, 5, 6, 7, 8, 9, 12, 16, 25)))
    while f.denominator == 1:
        f += Fraction(1, 3)
    a, b, sign = abs(f.numerator), f.denominator, "-" if f < 0 else ""
    right = [
        f"{sign}{a}/{b}", f"{sign}\\dfrac{{{a}}}{{{b}}}", f"\\frac{{{sign}{a}}}{{{b}}}", f"{sign}\\frac{{{3 * a}}}{{{3 * b}}}",
        f"p = {sign}\\frac{{{a}}}{{{b}}}",
    ]  # fmt: skip
    if b in (2, 4, 5, 8, 16, 25):
        right.append(str(float(f)))
    wrong = [
        f"{sign}{a + 1}/{b}",
        f"{a}/{b}" if sign else f"-{a}/{b}",
        f"{float(f):.3f}1",
        f"{sign}\\frac{{{b}}}{{{a}}}",
        f"{sign}{a}",
    ]
    return pair(random, f"{sign}\\frac{{{a}}}{{{b}}}", right, wrong)


def root(random: Random) -> Pair:
    k, n = random.randint(2, 15), random.choice((2, 3, 5, 6, 7, 10, 11, 13))
    m = random.randint(1, 20)
    shape = random.randrange(4)
    if shape == 0:
        right = [
            f"\\sqrt{{{k * k * n}}}",
            f"{k}*sqrt({n})",
            f"{k} \\cdot \\sqrt{{{n}}}",
            f"\\frac{{{k * n}}}{{\\sqrt{{{n}}}}}",
        ]
        wrong = [f"{n}\\sqrt{{{k}}}", f"\\sqrt{{{k * n}}}", f"{(k * k * n) ** 0.5:.6f}", f"{k}"]
        return pair(random, f"{k}\\sqrt{{{n}}}", right, wrong)
    if shape == 1:
        right = [
            f"{k}\\sqrt{n}+{m}" if n < 10 else f"{k}\\sqrt{{{n}}}+{m}",
            f"{m} + \\sqrt{{{k * k * n}}}",
            f"{m}+{k}\\sqrt{{{n}}}",
        ]
        wrong = [f"{m} - {k}\\sqrt{{{n}}}", f"{k} + {m}\\sqrt{{{n}}}", f"{m + k}\\sqrt{{{n}}}"]
        return pair(random, f"{m} + {k}\\sqrt{{{n}}}", right, wrong)
    if shape == 2:
        right = [
            f"\\frac{{{k}\\pi}}{{{m}}}",
            f"{k}\\pi/{m}",
            f"\\frac{{{2 * k}}}{{{2 * m}}}\\pi",
            f"\\frac{{{k}}}{{{m}}} \\pi",
        ]
        wrong = [f"\\frac{{{k}}}{{{m}}}", f"\\frac{{{k + 1}\\pi}}{{{m}}}", f"{3.14159 * k / m:.4f}"]
        return pair(random, f"\\frac{{{k}}}{{{m}}}\\pi", right, wrong)
    right = [f"{k}i+{m}", f"{m} + {k}i", f"{m}+{k} i"]
    return pair(random, f"{m}+{k}i", right, [f"{m}-{k}i", f"{k}+{m}i", f"{m + k}i"])


def polynomial(random: Random) -> Pair:
    a, b, c = random.randint(2, 9), random.randint(1, 9), random.randint(1, 9)
    x = random.choice("xzntk")
    shape = random.randrange(4)
    if shape == 0:
        right = [f"({x}+{a})({x}+{b})", f"{a * b}+{a + b}{x}+{x}^{{2}}", f"({x} + {b}) ({x} + {a})"]
        wrong = [f"({x}-{a})({x}+{b})", f"{x}^2+{a + b}{x}-{a * b}", f"{x}^2+{a + b}{x}"]
        return pair(random, f"{x}^2+{a + b}{x}+{a * b}", right, wrong)
    if shape == 1:
        right = [f"{b}+{a}{x}", f"{a}*{x}+{b}", f"{x}\\cdot {a}+{b}", f"\\frac{{{2 * a}{x}+{2 * b}}}{{2}}"]
        return pair(random, f"{a}{x}+{b}", right, [f"{a}{x}-{b}", f"{b}{x}+{a + b}", f"{a}+{b}", f"{a + b}{x}"])
    if shape == 2:
        right = [f"{a}{x}/({x}+{b})", f"\\dfrac{{{x} \\cdot {a}}}{{{b}+{x}}}", f"\\frac{{{a * c}{x}}}{{{c}({x}+{b})}}"]
        return pair(
            random, f"\\frac{{{a}{x}}}{{{x}+{b}}}", right, [f"\\frac{{{a}}}{{{x}+{b}}}", f"\\frac{{{a}{x}}}{{{x}-{b}}}"]
        )
    right = [f"{a}{x}^3y^2", f"{a}y^{{2}}{x}^{{3}}", f"{a}{x}^3 \\cdot y^2"]
    return pair(random, f"{a}{x}^{{3}}y^{{2}}", right, [f"{a}{x}^2y^3", f"{a + 1}{x}^3y^2"])


def structure(random: Random) -> Pair:
    a, b, c = random.sample(range(-9, 30), 3)
    low, high = sorted((a, b))
    shape = random.randrange(5)
    if shape == 0:
        right = [f"({a},{b})", f"\\left({a}, {b}\\right)", f"( {a} , {b} )", f"({a}.0, {b})"]
        return pair(random, f"({a},{b})", right, [f"({b},{a})", f"({a},{b + 1})", f"[{a},{b}]", f"({a},{b},{c})"])
    if shape == 1:
        right = [f"[{low}, {high})", f"\\left[{low},{high}\\right)", f"x \\in [{low},{high})"]
        return pair(random, f"[{low},{high})", right, [f"({low},{high})", f"[{low},{high}]", f"[{low},{high + 1})"])
    if shape == 2:
        right = [f"{b}, {a}", f"\\{{{a},{b}\\}}", f"{a} \\text{{ and }} {b}", f"x={a}, x={b}", f"{b} and {a}"]
        return pair(random, f"{a}, {b}", right, [f"{a}", f"{a},{b + 1}", f"{a},{b},{c}"])
    if shape == 3:
        right = [f"(-\\infty, {high}]", f"\\left(-\\infty,{high}\\right]", f"(-∞,{high}]"]
        return pair(
            random, f"(-\\infty,{high}]", right, [f"(-\\infty,{high})", f"[{high},\\infty)", f"(\\infty,{high}]"]
        )
    right = [
        f"\\begin{{pmatrix}} {a} \\\\ {b} \\\\ {c} \\end{{pmatrix}}",
        f"\\begin{{bmatrix}}{a}\\\\{b}\\\\{c}\\end{{bmatrix}}",
    ]
    wrong = [f"\\begin{{pmatrix}}{b}\\\\{a}\\\\{c}\\end{{pmatrix}}", f"\\begin{{pmatrix}}{a}&{b}&{c}\\end{{pmatrix}}"]
    return pair(random, f"\\begin{{pmatrix}}{a}\\\\{b}\\\\{c}\\end{{pmatrix}}", right, wrong)


def equation(random: Random) -> Pair:
    a, b = random.randint(2, 9), random.randint(1, 20)
    right = [f"y={a}x+{b}", f"y = {b}+{a}x", f"{a}x-y+{b}=0", f"y-{b}={a}x"]
    return pair(random, f"y={a}x+{b}", right, [f"y={a}x-{b}", f"y={b}x+{a + b}", f"x={a}y+{b}"])


def text(random: Random) -> Pair:
    word, other = random.sample(
        ("Monday", "Friday", "east", "west", "even", "odd", "ellipse", "parabola", "isosceles", "Anna"), 2
    )
    if random.random() < 0.4:
        letter, another = random.sample("ABCDE", 2)
        return pair(
            random, f"\\text{{({letter})}}", [letter, f"({letter})", f"\\text{{{letter}}}"], [another, f"({another})"]
        )
    return pair(
        random, f"\\text{{{word}}}", [word, word.upper(), f"\\textbf{{{word}}}"], [other, f"\\text{{{other}}}", "0"]
    )


def function(random: Random) -> Pair:
    a, b = random.randint(2, 7), random.randint(2, 7)
    shape = random.randrange(4)
    if shape == 0:
        return pair(
            random, f"\\sin {a}x", [f"\\sin({a}x)", f"\\sin \\left({a}x\\right)"], [f"\\cos {a}x", f"\\sin {a + 1}x"]
        )
    if shape == 1:
        return pair(
            random, f"\\ln {a * b}", [f"\\ln({a * b})", f"\\ln {a} + \\ln {b}"], [f"\\ln {a}", f"\\ln {a} \\ln {b}"]
        )
    if shape == 2:
        return pair(random, f"{a}^{{n+1}}", [f"{a} \\cdot {a}^n", f"{a}^{{1+n}}"], [f"{a}^n", f"{a}^{{n-1}}"])
    return pair(
        random, f"{b}e^{{{a}x}}", [f"{b} \\cdot e^{{{a}x}}", f"{b}(e^x)^{a}"], [f"e^{{{a}x}}", f"{b}e^{{-{a}x}}"]
    )


def union(random: Random) -> Pair:
    a, b = sorted(random.sample(range(-9, 20), 2))
    right = [f"(-\\infty,{a}) \\cup ({b},\\infty)", f"({b},\\infty)\\cup(-\\infty,{a})", f"(-∞, {a}) ∪ ({b}, ∞)"]
    wrong = [f"(-\\infty,{a}]\\cup({b},\\infty)", f"(-\\infty,{a})\\cup[{b},\\infty)", f"({a},{b})"]
    return pair(random, f"(-\\infty,{a})\\cup({b},\\infty)", right, wrong)


def pair(random: Random, gold: str, right: list[str], wrong: list[str]) -> Pair:
    equal = random.random() < 0.6
    answer = random.choice(right if equal else wrong)
    return gold, random.choice(WRAPPINGS).format(answer) if random.random() < 0.7 else answer, equal


SHARES: dict[Callable[[Random], Pair], int] = {
    integer: 221, rational: 75, root: 60, polynomial: 45, structure: 55, equation: 10, text: 18, function: 10, union: 6,
}  # fmt: skip


def pairs() -> Iterator[dict[str, str | bool]]:
    random = Random(0)
    for make, share in SHARES.items():
        seen: set[Pair] = set()
        while len(seen) < share:
            made = make(random)
            if made not in seen:
                seen.add(made)
                gold, answer, equal = made
                yield {"kind": make.__name__, "gold": gold, "answer": answer, "equal": equal}


def main() -> None:
    rows = list(pairs())
    assert len(rows) == 500
    OUT.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


if __name__ == "__main__":
    main()
