"""Words: what the figures mean, said plainly and without claiming more than the intervals allow."""

from collections.abc import Mapping, Sequence
from typing import Any

from skillfactory_core.arms import is_best, trained_as

TITLES = {"base": "Base model", "sft": "Traces only", "rl-only": "RL only", "rl-instructed": "RL only, instructed"}
MEANINGS = {
    "base": "the model as it came",
    "sft": "fine-tuned on the traces, no reinforcement learning yet",
    "rl-only": "the same reinforcement learning from the base model, without traces",
    "rl-instructed": "reinforcement learning from the base model, with a prompt that explains the tags",
}
MANY = 5
"methods, of which one sentence gives no intervals: the table has them"


def mark(method: str) -> str:
    """The name of a model's colour: the run's own method, whatever it is, has one."""
    arm = trained_as(method)
    return f"{arm if arm in TITLES else 'trained'}{' best' if is_best(method) else ''}"


def meaning(method: str) -> str:
    arm = trained_as(method.rpartition("/")[2])
    made = MEANINGS.get(arm, "fine-tuned on the traces, then reinforcement learning")
    return f"{made}; the checkpoint that was best on the validation split" if is_best(method) else made


def title(method: str) -> str:
    """A model's name in the report: of the run's method, what its plugin calls it; before it that of the run, of several."""
    label, _, method = method.rpartition("/")
    return f"{label}: {alone(method)}" if label else alone(method)


def alone(method: str) -> str:
    """A model's name among those of its run."""
    if is_best(method):
        return f"{alone(trained_as(method))}, best on validation"
    if method in TITLES:
        return TITLES[method]
    from skillfactory_core import registry

    known = registry.registered(registry.METHOD)
    return str(known[method][0].title) if method in known else method


def percent(share: float | None, digits: int = 1) -> str:
    return "–" if share is None else f"{100 * share:.{digits}f}\N{NO-BREAK SPACE}%"


def decimal(value: float | None, digits: int = 2) -> str:
    return "–" if value is None else f"{value:,.{digits}f}"


def plainly(name: str) -> str:
    """The name of a measure as a heading."""
    return name.replace("_", " ").capitalize()


def duration(seconds: float | None) -> str:
    """A length of time in its two largest units."""
    if seconds is None:
        return ""
    whole = round(seconds)
    for size, large, inner, small in ((86400, "d", 3600, "h"), (3600, "h", 60, "min"), (60, "min", 1, "s")):
        if whole >= size:
            rest = whole % size // inner
            return f"{whole // size} {large} {rest} {small}" if rest else f"{whole // size} {large}"
    return f"{seconds:.1f} s" if seconds < 10 else f"{whole} s"


def listing(parts: Sequence[str]) -> str:
    return f"{', '.join(parts[:-1])} and {parts[-1]}" if len(parts) > 1 else "".join(parts)


def headline(summary: Mapping[str, Any], what: str = "difficulties") -> str:
    """The comparison that the method is about, in one sentence; empty until both sides are there. `what` the exams are."""
    where, differences = f"on the {what} it was not trained on", summary["differences"].get("mean", [])
    figures = summary["means"]
    if not differences:
        where, figures = f"on {summary['trained_on']}", at(summary, summary["trained_on"])
        differences = summary["differences"].get(summary["trained_on"], [])
    method = next((name for name in figures if name not in TITLES and not is_best(name)), "")
    found = lead(differences, method, "rl-only")
    if not found:
        return ""
    ours, theirs = percent(figures[method]["accuracy"]), percent(figures["rl-only"]["accuracy"])
    points = f"{100 * abs(found['difference']):.1f} points"
    span = f"95 % interval of the difference {signed(found['low'])} to {signed(found['high'])}"
    if found["low"] > 0:
        verdict = f"{points} ahead of reinforcement learning alone ({theirs}; {span})"
    elif found["high"] < 0:
        verdict = f"{points} behind reinforcement learning alone ({theirs}; {span})"
    else:
        verdict = f"which cannot be told apart from reinforcement learning alone ({theirs}; {span})"
    return f"{where[0].upper()}{where[1:]}, {title(method)} is right {ours} of the time, {verdict}."


def best(summary: Mapping[str, Any], what: str = "difficulties") -> str:
    """Of several runs: who is right most often, over the new difficulties or, without these, over the first exam."""
    if summary["means"]:
        return standing(summary, "mean", f"on the {what} it was not trained on")
    return standing(summary, summary["variants"][0], f"on {summary['variants'][0]}") if summary["variants"] else ""


def standing(summary: Mapping[str, Any], variant: str, place: str) -> str:
    """Who wins at one difficulty, ahead of whom for sure, and where the intervals leave it open."""
    figures = summary["means"] if variant == "mean" else at(summary, variant)
    if not figures:
        return ""
    order = sorted(figures, key=lambda method: -figures[method]["accuracy"])
    best = figures[order[0]]
    start = f"{title(order[0])} is right most often {place}: {percent(best['accuracy'])}"
    if len(order) == 1:
        return f"{title(order[0])} is right {percent(best['accuracy'])} of the time {place}. Nothing to compare it with yet."
    gaps = {other: lead(summary["differences"].get(variant, []), order[0], other) for other in order[1:]}
    sure = [title(other) for other, gap in gaps.items() if gap and gap["low"] > 0]
    close = [
        f"{title(other)} ({abs(100 * gap['difference']):.1f} points; {signed(gap['low'])} to {signed(gap['high'])})"
        for other, gap in gaps.items()
        if gap and gap["low"] <= 0
    ]
    if len(order) > MANY:
        close = [words.partition(" (")[0] for words in close]
    ahead = f", clearly ahead of {listing(sure)}" if sure else ""
    if not close:
        return f"{start}{ahead}."
    return f"{start}{ahead}. Its lead over {listing(close)} may be chance: the interval reaches past zero."


def flaws(summary: Mapping[str, Any]) -> str:
    """What is not in the figures or counted against them; empty where all is well."""
    every = [figures for by_variant in summary["methods"].values() for figures in by_variant.values()]
    errors, unchecked = (sum(figures[name] for figures in every) for name in ("errors", "unchecked"))
    said = [f"{errors:,} responses failed to be generated and are left out."] if errors else []
    said += [f"{unchecked:,} responses could not be checked and count as not right."] if unchecked else []
    return " ".join(said)


def at(summary: Mapping[str, Any], variant: str) -> dict[str, Any]:
    """method -> figures at one difficulty."""
    return {method: by[variant] for method, by in summary["methods"].items() if variant in by}


def lead(differences: Sequence[Mapping[str, Any]], method: str, against: str) -> dict[str, Any] | None:
    """The difference of two methods, whichever way round it was measured."""
    for found in differences:
        if (found["method"], found["against"]) == (method, against):
            return dict(found)
        if (found["method"], found["against"]) == (against, method):
            turned = {"difference": -found["difference"], "low": -found["high"], "high": -found["low"]}
            return {"method": method, "against": against, **turned}
    return None


def signed(points: float) -> str:
    # Adding 0 makes a negative zero, which rounding leaves, a plain one.
    return f"{round(100 * points, 1) + 0.0:+.1f}".replace("-", "−")
