"""Claims of a study, its figures by seed and problem, and the tables that they are made of."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest
from conftest import Outcome

from skillfactory_core.errors import SkillFactoryError
from skillfactory_core.run import open_run
from skillfactory_core.study.cell import Cell
from skillfactory_core.study.claims import Part, judged, state
from skillfactory_core.study.figure import contrast, level
from skillfactory_core.study.outcome import outcome
from skillfactory_core.study.page import how_many
from skillfactory_core.study.store import Store, read_store, sorted_cells, write_store

Sf = Callable[..., Outcome]
PROBLEMS = 200


def store(
    rates: dict[tuple[str, str], float], seeds: int = 3, budgets: tuple[str, ...] = ("",), **claims: Any
) -> Store:
    """Rows that are right as often as `rates` says, by (row, exam)."""
    random = Random(7)
    cells = [
        Cell(
            *(row, seed, exam, budget, f"{exam}-{problem}"), responses=4, tokens=400 + 4 * len(exam), reflections=8 * int(exam),
            right=sum(random.random() < rate + (0.1 if "-" in budget else 0.0) for _ in range(4)),
            wrong_as_wrong=9, wrong_as_right=1, right_as_right=random.randrange(3), right_as_wrong=0, answers=12,
        )
        for (row, exam), rate in rates.items() for seed in range(seeds) for budget in budgets for problem in range(PROBLEMS)
    ]  # fmt: skip
    exams = {exam: {"task": "countdown", "trained_on": exam == "3"} for _, exam in rates}
    rows = {
        row: {
            "title": row.title(),
            "costs": {
                str(seed): {"generated": 5, "trained": 6, "hours": 0.1, "cpu_hours": 0.2} for seed in range(seeds)
            },
        }
        for row, _ in rates
    }
    about = {
        "title": "Toy", "plan": {}, "order": list(rows), "seeds": list(range(seeds)), "first": "ours",
        "exams": exams, "rows": rows, "versions": {},
        "claims": {name: {"title": name, "parts": parts} for name, parts in claims.items()},
    }  # fmt: skip
    return Store(about, sorted_cells(cells))


def part(**said: Any) -> dict[str, Any]:
    return {
        "row": "ours", "against": "", "exams": ["4"], "against_exams": [], "measure": "accuracy", "above": 0.0, **said
    }  # fmt: skip


def test_a_claim_holds_fails_or_stays_open_by_its_interval() -> None:
    rates = {("ours", "4"): 0.5, ("theirs", "4"): 0.3, ("alike", "4"): 0.5}
    toy = store(
        rates,
        ahead=[part(against="theirs")],
        behind=[part(row="theirs", against="ours")],
        even=[part(against="alike")],
        both=[part(against="theirs"), part(against="alike")],
        missing=[part(against="theirs"), part(against="nobody")],
        level=[part(above=0.4)],
    )
    verdicts = {name: claim["verdict"] for name, claim in judged(toy.about["claims"], toy).items()}
    assert verdicts == {
        "ahead": "holds", "behind": "fails", "even": "open", "both": "open", "missing": "unknown", "level": "holds",
    }  # fmt: skip


def test_a_part_that_fails_outweighs_one_that_is_not_known() -> None:
    toy = store({("ours", "4"): 0.2, ("theirs", "4"): 0.5}, it=[part(against="nobody"), part(against="theirs")])
    assert judged(toy.about["claims"], toy)["it"]["verdict"] == "fails"


def test_measures_can_be_compared_between_exams() -> None:
    toy = store({("ours", "3"): 0.5, ("ours", "5"): 0.5})
    found = Part("ours", ("5",), against_exams=("3",), measure="reflections").measured(toy)
    assert found is not None and found.mean == pytest.approx(4) and 3.9 < found.low < found.high < 4.1
    assert state(Part("ours", ("5",), against_exams=("3",), measure="reflections"), found) == "holds"
    falls = contrast(toy, "reflections", ("ours", ["3"]), ("ours", ["5"]))
    assert falls is not None and falls.mean == pytest.approx(-4)


def test_the_f1_of_verdicts_is_that_of_all_verdicts_with_the_interval_of_a_ratio() -> None:
    toy = store({("ours", "4"): 0.5}, seeds=1)
    found = level(toy, "f1_right", "ours", ["4"])
    said = [(cell.right_as_right, cell.wrong_as_right + cell.right_as_wrong) for cell in toy.cells]
    hits, others = (sum(each) for each in zip(*said, strict=True))
    assert found is not None and found.mean == pytest.approx(2 * hits / (2 * hits + others))
    random = Random(1)
    drawn = []
    for _ in range(2000):
        some = random.choices(said, k=len(said))
        hits, others = (sum(each) for each in zip(*some, strict=True))
        drawn.append(2 * hits / (2 * hits + others))
    drawn.sort()
    assert found.low == pytest.approx(drawn[50], abs=0.01) and found.high == pytest.approx(drawn[-50], abs=0.01)


def test_what_forcing_gains_is_paired_by_problem_and_seed() -> None:
    rates = {("ours", "4"): 0.5, ("theirs", "4"): 0.5}
    toy = store(
        rates,
        budgets=("", "768", "768-1536"),
        it=[part(measure="forced", above=0.05), part(measure="forced", against="theirs")],
    )
    gain = level(toy, "forced", "ours", ["4"])
    assert gain is not None and gain.mean == pytest.approx(0.1, abs=0.04) and gain.low > 0.05
    assert [each["state"] for each in judged(toy.about["claims"], toy)["it"]["parts"]] == ["holds", "open"]
    found = outcome(toy)["forced"]["ours"]["4"]
    assert found["budget"] == "768-1536" and found["forced"] - found["standard"] == pytest.approx(found["difference"])


def test_a_row_that_was_not_forced_has_no_figures_of_forcing() -> None:
    """Asked in the order of a page: claims look at every row, then the table lists those that have something to list."""
    forced = store({("ours", "4"): 0.5}, budgets=("", "768", "768-1536"), it=[part(measure="forced", against="theirs")])
    plain = store({("theirs", "4"): 0.5})
    about = {**forced.about, "rows": {**forced.about["rows"], **plain.about["rows"]}}
    toy = Store(about, sorted_cells([*forced.cells, *plain.cells]))
    assert level(toy, "forced", "theirs", ["4"]) is None
    found = outcome(toy)
    assert found["claims"]["it"]["verdict"] == "unknown"
    assert found["forced"].keys() == {"ours"}


def test_stored_tables_give_the_same_page_and_the_same_bytes(sf: Sf, tmp_path: Path) -> None:
    toy = store({("ours", "3"): 0.5, ("ours", "4"): 0.4, ("theirs", "4"): 0.2}, it=[part(against="theirs")])
    for folder in ("one", "two"):
        write_store(toy, tmp_path / folder)
    assert (tmp_path / "one" / "cells.parquet").read_bytes() == (tmp_path / "two" / "cells.parquet").read_bytes()
    assert outcome(read_store(tmp_path / "one")) == outcome(toy)
    made = sf("study", tmp_path / "one", "--page", tmp_path / "page.md")
    assert made.code == 0, made.err
    page = (tmp_path / "page.md").read_text()
    assert page in made.out and "**it** | **holds** | accuracy (points), Ours, on 4, less Theirs | +" in page


def test_a_folder_without_tables_is_one_line(sf: Sf, tmp_path: Path) -> None:
    made = sf("study", tmp_path)
    assert made.code == 2 and "does not hold the tables of a study" in made.err and made.err.count("\n") == 1
    (tmp_path / "study.json").write_text("{}")
    (tmp_path / "cells.parquet").write_bytes(b"no table")
    with pytest.raises(SkillFactoryError, match="does not hold the tables of a study"):
        read_store(tmp_path)


STUDY = """
title = "Forced"
task = "countdown"

[settings]
model = "scripted"
evaluate.variants = ["3", "4"]
evaluate_sampling.max_tokens = 60

[arms.skillfactory]

[arms.any-order]
method = "no-sample-order"
tuned = false

[forcing]
budget = 60
force = 90
rows = ["skillfactory", "rl-only"]
exams = ["4"]

[claims.order]
title = "The order matters"

[[claims.order.parts]]
row = "skillfactory"
against = "any-order"
exams = ["4"]
"""


def test_a_study_forces_the_rows_that_it_names_and_leaves_out_what_it_is_told(sf: Sf, tmp_path: Path) -> None:
    file, folder, tables = tmp_path / "forced.toml", tmp_path / "out", tmp_path / "tables"
    file.write_text(STUDY)
    made = sf("study", file, "--to", folder, "--tables", tables)
    assert made.code == 0, made.err
    found = json.loads((folder / "results.json").read_text())
    assert "any-order-sft" not in found["rows"] and "skillfactory-sft" in found["rows"]
    assert {row: list(by_exam) for row, by_exam in found["forced"].items()} == {"rl-only": ["4"], "skillfactory": ["4"]}
    assert found["claims"]["order"]["verdict"] in ("holds", "fails", "open")
    run = open_run(folder / "skillfactory-0")
    for number in run.responses("skillfactory", "4").parts():
        standard, budget = (run.responses("skillfactory", "4", name).part(number) for name in ("", "60"))
        assert standard.samefile(budget), "the evaluation's own budget is not asked for twice"
    assert sf("study", tables).out.strip() == (folder / "results.md").read_text().strip()
    assert found["rows"]["skillfactory"]["cpu_hours"] > 0


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (('rows = ["skillfactory", "rl-only"]', 'rows = ["skilfactory"]'), "no row of study .* named 'skilfactory'"),
        (('exams = ["4"]\n\n[claims', 'exams = ["9"]\n\n[claims'), "no exam of study .* named '9'"),
        (("force = 90", "force = 60"), "are not two growing numbers of tokens"),
        (("force = 90", ""), "forcing.force = None is not a whole number from 1 on"),
        (("force = 90", "force = 90\nforced = 3"), "no entry of study .* named 'forcing.forced'"),
        (('against = "any-order"', 'against = "no-order"'), "no row of study .* named 'no-order'"),
        (('against = "any-order"', 'agains = "any-order"'), "no entry of study .* named 'claims.order.parts.agains'"),
        (('against = "any-order"', 'above = "0.8"'), "claims.order.parts: above = '0.8' is not a number"),
        (('against = "any-order"', 'measure = "luck"'), "no measure in study .* named 'luck'"),
        (('title = "The order matters"', ""), "needs a title and"),
        (("tuned = false", "tuned = 0"), "tuned = 0 is not true or false"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_what_a_study_asks_for_and_cannot_have_is_one_line(
    sf: Sf, tmp_path: Path, change: tuple[str, str], reason: str
) -> None:
    file = tmp_path / "forced.toml"
    assert change[0] in STUDY
    file.write_text(STUDY.replace(*change))
    made = sf("study", file)
    assert made.code == 2
    assert re.search(reason, made.err) and made.err.count("\n") == 1


def test_the_page_says_how_many_seeds_a_row_has() -> None:
    def said(**seeds: int) -> str:
        return how_many({name.replace("_", "-"): {"seeds": list(range(count))} for name, count in seeds.items()})

    assert said(base=1, ours=3, theirs=3) == "3 seeds"
    assert said(base=1, ours=1, theirs=3) == "1 to 3 seeds; with one, an interval is over problems alone"
    assert said(ours=1) == said(base=1) == "1 seed, so that intervals are over problems alone"


def test_rows_are_compared_on_the_seeds_that_both_have() -> None:
    rates = {("ours", "4"): 0.6, ("theirs", "4"): 0.3, ("base", "4"): 0.1}
    whole = store(rates, against_theirs=[part(against="theirs")], against_base=[part(against="base")])

    def left(**seeds: tuple[int, ...]) -> Store:
        return Store(whole.about, [cell for cell in whole.cells if cell.seed in seeds[cell.row]])

    def value(of: Store, claim: str) -> float | None:
        return judged(of.about["claims"], of)[claim]["parts"][0].get("value")

    one = left(ours=(0,), theirs=(0,), base=(0,))
    assert value(left(ours=(0,), theirs=(0, 1, 2), base=(0,)), "against_theirs") == value(one, "against_theirs")
    assert value(left(ours=(0,), theirs=(1, 2), base=(0,)), "against_theirs") is None
    # The base has no seed, so it stands against all of the other's.
    assert value(left(ours=(1, 2), theirs=(0,), base=(0,)), "against_base") not in (None, value(one, "against_base"))
