"""Page: the outcome of a study as Markdown: the paper's table 1 with intervals, differences, use of the skill, costs."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from skillfactory_core.arms import FROM_BASE, is_best, trained_as
from skillfactory_core.report.words import duration

SKILL = {
    "tokens": ("tokens", "{:.0f}"),
    "answers": ("answers", "{:.2f}"),
    "reflections": ("reflections", "{:.2f}"),
    "truncated": ("cut off", "{:.1%}"),
    "f1_right": ("F1 right", "{:.2f}"),
    "f1_wrong": ("F1 wrong", "{:.2f}"),
}

VERDICTS = {"holds": "holds", "fails": "does not hold", "open": "not shown", "unknown": "not measured yet"}
MEASURED = {
    "accuracy": "accuracy (points)",
    "tokens": "tokens per response",
    "truncated": "cut off (points)",
    "answers": "attempts per response",
    "reflections": "reflections per response",
    "f1_right": "F1 of verdicts on right attempts",
    "f1_wrong": "F1 of verdicts on wrong attempts",
    "forced": "gain of budget forcing (points)",
}


def page(found: Mapping[str, Any]) -> str:
    """The whole page."""
    return "\n".join(lines(found)) + "\n"


def lines(found: Mapping[str, Any]) -> Iterator[str]:
    exams, rows, mean_of = found["exams"], found["rows"], found["mean_of"]
    shown = {**{name: name for name in exams}, **({"mean": "mean"} if len(mean_of) > 1 else {})}
    yield f"# {found['title']}"
    yield ""
    yield (
        f"{how_many(rows)}. Accuracy in % with its 95 % interval"
        + (f"; mean: over {', '.join(mean_of)}, which nothing was trained on." if len(mean_of) > 1 else ".")
    )
    yield ""
    accuracies = {
        row["title"]: [percent({**row["exams"], "mean": row["mean"]}.get(name), "accuracy") for name in shown]
        for row in rows.values()
    }
    yield from table(
        ["", *(f"{n}{' (trained on)' * exams.get(n, {}).get('trained_on', False)}" for n in shown)], accuracies
    )
    yield from claims(found)
    yield from section(
        "Differences",
        "In points, on the same problems and seeds; bold where the 95 % interval leaves out 0. results.json has every pair.",
    )
    differences: dict[str, list[str]] = {}
    for pair, by_exam in found["differences"].items():
        one, _, other = pair.partition(" - ")
        # The last checkpoints with one another, and the best.
        alike = (
            other == "base" or is_best(one) == is_best(other) or one == trained_as(other) or other == trained_as(one)
        )
        if trained_as(other) not in ("base", *FROM_BASE, found["first"]) or not alike:
            continue
        name = f"{rows[one]['title']} against {rows[other]['title']}"
        differences[name] = [percent(by_exam.get(exam), "difference") for exam in shown]
    yield from table(["", *shown.values()], differences)
    best = {row["title"]: row["steps"] for row in rows.values() if "steps" in row}
    if best:
        yield from section(
            "The best checkpoints", "The step that was right most often on the validation split, of how many, by seed."
        )
        every = sorted({seed for by_seed in best.values() for seed in by_seed}, key=int)
        cells = {
            title: [f"{by_seed[seed]['best']} of {by_seed[seed]['last']}" if seed in by_seed else "–" for seed in every]
            for title, by_seed in best.items()
        }
        yield from table(["", *(f"seed {seed}" for seed in every)], cells)
    yield from section(
        "Use of the skill",
        "Per response: tokens, attempts, reflections, share cut off; F1 of the verdicts on right and on wrong attempts.",
    )
    uses = {
        f"{rows[name]['title']} | {exam}": [
            "–" if each[key] is None else form.format(each[key]) for key, (_, form) in SKILL.items()
        ]
        for name, by_exam in found["skill"].items()
        if name in rows
        for exam, each in by_exam.items()
    }
    yield from table(["", "exam", *(title for title, _ in SKILL.values())], uses)
    yield from forced(found)
    yield from limits(found)
    yield from verdicts(found)
    yield from section("What it cost", "Per seed, from the base to the model; what arms share counts for each of them.")
    costs = {
        row["title"]: [
            *(count(row["tokens"][part]) for part in ("generated", "trained")),
            duration(3600 * row["hours"]),
            duration(3600 * row["cpu_hours"]),
        ]
        for row in rows.values()
    }
    yield from table(["", "tokens generated", "tokens trained on", "time", "CPU time"], costs)


def how_many(rows: Mapping[str, Any]) -> str:
    """Seeds of a row, in words. The base does not count: its responses do not depend on the seed of a run."""
    counts = [len(row["seeds"]) for name, row in rows.items() if name != "base"] or [1]
    fewest, most = min(counts), max(counts)
    if most == 1:
        return "1 seed, so that intervals are over problems alone"
    return (
        f"{most} seeds" if fewest == most else f"{fewest} to {most} seeds; with one, an interval is over problems alone"
    )


def claims(found: Mapping[str, Any]) -> Iterator[str]:
    """What the study was made to find out."""
    if not found["claims"]:
        return
    yield from section(
        "Claims",
        "Written in the study's file before its runs. A claim holds where the whole interval of each of its parts is on the right side.",
    )
    rows = {}
    for claim in found["claims"].values():
        for at, part in enumerate(claim["parts"]):
            first = f"**{claim['title']}** | **{VERDICTS[claim['verdict']]}**" if not at else " | "
            rows[f"{first} | {said(part, found)}"] = [measured(part), VERDICTS[part["state"]]]
    yield from table(["claim", "", "measured", "", ""], rows)


def said(part: Mapping[str, Any], found: Mapping[str, Any]) -> str:
    """A part of a claim in words."""

    def title(row: str) -> str:
        return str(found["rows"].get(row, {}).get("title", row))

    what = f"{MEASURED[part['measure']]}, {title(part['row'])}, on {', '.join(part['exams'])}"
    other = title(part["against"]) if part["against"] else ""
    if part["against_exams"]:
        what += f", less {other}{' ' * bool(other)}on {', '.join(part['against_exams'])}"
    elif other:
        what += f", less {other}"
    return what + (f", above {part['above']:g}" if part["above"] else "")


def measured(part: Mapping[str, Any]) -> str:
    if "value" not in part:
        return "–"
    points = part["measure"] in ("accuracy", "truncated", "forced")
    sign = "+" if part["against"] or part["against_exams"] or part["measure"] == "forced" else ""
    value, low, high = (
        f"{part[name] * (100 if points else 1):{sign}.{1 if points else 2}f}" for name in ("value", "low", "high")
    )
    return f"{value} ({low} to {high})"


def forced(found: Mapping[str, Any]) -> Iterator[str]:
    """Budget forcing."""
    if not found["forced"]:
        return
    budget = next(each["budget"] for by_exam in found["forced"].values() for each in by_exam.values())
    before, _, after = budget.partition("-")
    yield from section(
        "Budget forcing",
        f"Accuracy in % within {before} tokens, and after every response was made to go on to {after}; the difference in points.",
    )
    rows = {
        f"{found['rows'][row]['title']} | {exam}": [
            f"{100 * each['standard']:.1f}",
            f"{100 * each['forced']:.1f}",
            percent(each, "difference"),
        ]
        for row, by_exam in found["forced"].items()
        for exam, each in by_exam.items()
    }
    yield from table(["", "exam", f"{before} tokens", f"forced to {after}", "difference"], rows)


def limits(found: Mapping[str, Any]) -> Iterator[str]:
    """Other limits of tokens."""
    if not found["limits"]:
        return
    yield from section(
        "Other limits of tokens",
        "The same problems with the evaluation's limit of tokens, and with another: attempts and reflections per response, share cut off.",
    )
    rows = {
        f"{found['rows'][row]['title']} | {exam} | {limit or 'the evaluation’s'}": [
            percent(each["accuracy"], "accuracy"),
            f"{each['answers']:.2f}",
            "{reflections:.2f} ({low:.2f} to {high:.2f})".format(**each["reflections"]),
            f"{each['truncated']:.1%}",
        ]
        for row, by_exam in found["limits"].items()
        for exam, by_limit in by_exam.items()
        for limit, each in by_limit.items()
    }
    yield from table(["", "exam", "limit", "right in %", "attempts", "reflections", "cut off"], rows)


def verdicts(found: Mapping[str, Any]) -> Iterator[str]:
    """Counterfactuals."""
    if not found["verdicts"]:
        return
    yield from section(
        "What verdicts do",
        "Responses are cut after the verdict on an attempt, which is kept, swapped for its opposite or dropped, and go on from there: "
        "right in the end in %, and attempts in all. Kept less swapped in points, with intervals over problems alone.",
    )
    rows = {
        f"{found['rows'][row]['title']} | {exam} | {truth}": [
            f"{each['kept']['responses']:,.0f}",
            *(
                f"{100 * each[change]['right']:.1f}, {each[change]['answers']:.1f}"
                for change in ("kept", "swapped", "dropped")
            ),
            percent(each if "difference" in each else None, "difference"),
        ]
        for row, by_exam in found["verdicts"].items()
        for exam, by_truth in by_exam.items()
        for truth, each in by_truth.items()
    }
    yield from table(["", "exam", "attempt", "branches", "kept", "swapped", "dropped", "kept less swapped"], rows)


def section(title: str, about: str) -> Iterator[str]:
    """A heading, and what the table under it shows."""
    yield from (f"## {title}", "", about, "")


def table(head: Sequence[str], rows: Mapping[str, Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield f"| {' | '.join('---' for _ in head)} |"
    for name, cells in rows.items():
        yield f"| {' | '.join([name, *cells])} |"
    yield ""


def percent(each: Mapping[str, float] | None, key: str) -> str:
    if each is None:
        return "–"
    sign = "+" if key == "difference" else ""
    text = f"{100 * each[key]:{sign}.1f} ({100 * each['low']:{sign}.1f} to {100 * each['high']:{sign}.1f})"
    return f"**{text}**" if key == "difference" and (each["low"] > 0 or each["high"] < 0) else text


def count(tokens: float | None) -> str:
    return "–" if tokens is None else f"{tokens:,.0f}"
