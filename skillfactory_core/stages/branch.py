"""Branch: cut responses after a reflection, keep, swap or drop its verdict, and let the model go on from each."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from hashlib import sha256

import attrs

from skillfactory_core.attempt import UNCHECKED
from skillfactory_core.branch import CHANGES, Branch, Cut, cuts
from skillfactory_core.deadline import on
from skillfactory_core.engine import Generation, stream_seed
from skillfactory_core.evaluation import Response
from skillfactory_core.problem import Problem
from skillfactory_core.progress import Progress
from skillfactory_core.run import Run
from skillfactory_core.stages.evaluate import Examiner, exams_here
from skillfactory_core.stages.generate import complete_parts, generate_part
from skillfactory_core.stages.problems import Exam
from skillfactory_core.table import Table

LOOK_AT = 4
"responses that are looked at first, for each that is wanted; and how many times more after that"


@attrs.frozen
class Place:
    """Where a response is cut."""

    response: Response
    cut: Cut
    truth: bool


def branches_of(run: Run, method: str, exam: str) -> Table[Branch]:
    return Table(run.folder / "8-evaluation" / "branches" / f"{method}-{exam}", Branch)


def branch(examiner: Examiner, responses: int, number: int, only: Sequence[str] = ()) -> None:
    """Fill `8-evaluation/branches/METHOD-EXAM`: each change of up to so many responses per exam, finished `number` times."""
    run, method = examiner.run, examiner.method
    exams = exams_here(run, only)
    places = {name: list(chosen(examiner, exam, responses)) for name, exam in exams.items()}
    total = sum(map(len, places.values())) * len(CHANGES) * number
    with Progress(f"branches of {method}", total, "branches") as progress:
        for name, exam in exams.items():
            if places[name]:
                fill(examiner, exam, places[name], number, progress)


def chosen(examiner: Examiner, exam: Exam, most: int) -> Iterator[Place]:
    """One place in each of some responses, drawn by their keys: always the same ones, whatever else was done."""
    run = examiner.run
    table = run.responses(examiner.method, exam.name)
    problems = {p.key: p for p in run.problems("evaluation", exam.name)}
    keys = sorted((key for key, error in table.every("key", "error") if not error), key=draw)
    found, start, size = 0, 0, LOOK_AT * most
    while start < len(keys):
        # Not every response can be cut, so more are looked at than are wanted, and then more still; but seldom all of them.
        looked_at = dict.fromkeys(keys[start : start + size])
        places: dict[str, Place] = {}
        for response in table:
            if response.key in looked_at:
                with on(response.key):
                    some = list(checked(examiner, exam, response, problems[response.problem]))
                if some:
                    places[response.key] = some[draw(f"{response.key}/cut") % len(some)]
        chosen_here = [places[key] for key in looked_at if key in places][: most - found]
        yield from chosen_here
        found += len(chosen_here)
        if found == most:
            return
        start, size = start + size, size * LOOK_AT


def draw(key: str) -> int:
    return int.from_bytes(sha256(key.encode()).digest()[:8])


def checked(examiner: Examiner, exam: Exam, response: Response, problem: Problem) -> Iterator[Place]:
    """The places of a response whose attempt the grader can check."""
    for cut in cuts(response.text, examiner.tags):
        if cut.answer is None:
            yield Place(response, cut, False)
            continue
        grade = exam.task.grade(problem.params, cut.answer)
        if grade.reason not in UNCHECKED:
            yield Place(response, cut, grade.correct)


def fill(examiner: Examiner, exam: Exam, places: Sequence[Place], number: int, progress: Progress) -> None:
    """One table, which is one part: what was cut otherwise before is made anew."""
    run, tags = examiner.run, examiner.tags
    table = branches_of(run, examiner.method, exam.name)
    problems = {p.key: p for p in run.problems("evaluation", exam.name)}
    asked = {r.key: r for r in examiner.asked(exam, problems)}
    requests, by_key = [], {}
    for place in places:
        for change in CHANGES:
            for each in range(number):
                key = f"{place.response.key}/{change}/{each}"
                begun = place.cut.changed(change, tags)
                seed = stream_seed(examiner.seed, f"branch/{key}")
                requests.append(attrs.evolve(asked[place.response.key], key=key, prefix=begun, seed=seed))
                by_key[key] = place
    wanted = [request.key for request in requests]
    if 0 in complete_parts(table):
        if [key for (key,) in table.columns(0, "key")] == wanted:
            progress.advance(len(wanted))
            return
        table.reopen(0, [one for one in table.read(0) if one.key in by_key])
    record = partial(made, examiner.reads(exam, problems), by_key, {r.key: r.prefix for r in requests}, examiner)
    sampling, failures = run.config.evaluate_sampling, run.config.most_failures
    generate_part(table, 0, requests, record, examiner.engine, sampling, failures, progress)


def made(
    reads: Callable[[Generation], Response],
    places: Mapping[str, Place],
    begun: Mapping[str, str],
    examiner: Examiner,
    generation: Generation,
) -> Branch:
    """The branch that a generation completes, graded as a whole."""
    place, prefix = places[generation.key], begun[generation.key]
    origin = place.response
    whole = reads(attrs.evolve(generation, key=origin.key))
    with on(generation.key):
        before, after = (len(examiner.tags.parse(text).tries) for text in (prefix, generation.text))
    return Branch(
        key=generation.key,
        response=origin.key,
        method=origin.method,
        variant=origin.variant,
        problem=origin.problem,
        change=generation.key.split("/")[-2],
        verdict=place.cut.verdict,
        truth=place.truth,
        begun=prefix,
        text=generation.text,
        tokens=generation.tokens,
        finish=generation.finish,
        again=after > before,
        correct=whole.correct,
        answer=whole.answer,
        reason=whole.reason,
        error=generation.error,
    )
