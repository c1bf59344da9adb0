"""Force: responses within a budget of tokens, and the same responses made to go on beyond it (budget forcing)."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from math import ceil

import attrs

from skillfactory_core.engine import Engine, Generation, Request, Sampling, stream_seed
from skillfactory_core.errors import SkillFactoryError
from skillfactory_core.evaluation import Response
from skillfactory_core.link import link
from skillfactory_core.progress import Progress
from skillfactory_core.shard import WHOLE, Shard
from skillfactory_core.stages.evaluate import Examiner, answer, exams_here, shares
from skillfactory_core.stages.generate import closed, complete_parts, generate_part
from skillfactory_core.stages.problems import Exam
from skillfactory_core.table import Table

STEPS = 8
"requests go to the engine in this many groups of like room, at most; what is written beyond a request's own room is cut off"


def respond_within(examiner: Examiner, budget: int, shard: Shard = WHOLE, only: Sequence[str] = ()) -> None:
    """Fill `8-evaluation/budget-BUDGET/METHOD-EXAM`: responses of at most so many tokens."""
    run, method = examiner.run, examiner.method
    exams = exams_here(run, only)
    sampling = attrs.evolve(run.config.evaluate_sampling, max_tokens=budget)
    tables = partial(run.responses, method, budget=f"{budget}")
    if budget == run.config.evaluate_sampling.max_tokens:
        for name in exams:
            same_files(run.responses(method, name), tables(name))
    answer(examiner, exams, shares(run, exams, shard), sampling, tables, f"{method}, {budget} tokens")


def same_files(evaluation: Table[Response], within: Table[Response]) -> None:
    """The evaluation's own budget: its responses are the ones that would be made again, so they are the same files."""
    for number in evaluation.parts():
        if not within.part(number).exists() and not any(error for (error,) in evaluation.columns(number, "error")):
            within.folder.mkdir(parents=True, exist_ok=True)
            link(evaluation.part(number), within.part(number))


@attrs.frozen
class Force:
    """How the responses of one method go on from a budget to more tokens."""

    examiner: Examiner
    budget: int
    most: int
    "tokens of a response in all: what it had written, the trigger, and what it writes then"
    ends: Callable[[str], Sequence[int]]
    "where in a text each of its tokens ends"

    def __attrs_post_init__(self) -> None:
        if self.most <= self.budget:
            raise SkillFactoryError(f"responses of {self.budget} tokens cannot go on to {self.most}: give --force more")

    @property
    def name(self) -> str:
        return f"{self.budget}-{self.most}"

    def fill(self, shard: Shard = WHOLE, only: Sequence[str] = ()) -> None:
        """Fill `8-evaluation/budget-BUDGET-MOST/METHOD-EXAM`: every response of the budget, made to go on; the keys are the same."""
        run, method = self.examiner.run, self.examiner.method
        exams = exams_here(run, only)
        mine = shares(run, exams, shard)
        total = sum(run.responses(method, name, f"{self.budget}").count(numbers) for name, numbers in mine.items())
        with Progress(f"{method}, on to {self.most} tokens", total, "responses") as progress:
            for name, exam in exams.items():
                for number in mine[name]:
                    self.part(exam, number, progress)

    def part(self, exam: Exam, number: int, progress: Progress) -> None:
        run, method = self.examiner.run, self.examiner.method
        table = run.responses(method, exam.name, self.name)
        standard = [r for r in run.responses(method, exam.name, f"{self.budget}").read(number) if not r.error]
        if number in complete_parts(table, [number]):
            if [response.key for response in standard] == [key for (key,) in table.columns(number, "key")]:
                progress.advance(len(standard))
                return
            # Responses that had failed are there by now.
            table.reopen(number, table.read(number))
        if not standard:
            table.finish(number, [])
            return
        problems = {p.key: p for p in run.problems("evaluation", exam.name).read(number)}
        asked = {r.key: r for r in self.examiner.asked(exam, problems)}
        requests = [self.request(response, asked[response.key]) for response in standard]
        begun = {request.key: len(self.ends(request.prefix)) for request in requests}
        engine = Roomy(self.examiner.engine, {key: self.most - tokens for key, tokens in begun.items()}, self.ends)
        record = partial(went_on, self.examiner.reads(exam, problems), begun)
        sampling = attrs.evolve(run.config.evaluate_sampling, max_tokens=self.most)
        generate_part(table, number, requests, record, engine, sampling, run.config.most_failures, progress)

    def request(self, response: Response, first: Request) -> Request:
        """The same question, with what was written, without the end of its thinking, and the trigger."""
        tags = self.examiner.tags
        before = tags.unended(response.text)
        between = "" if not before or before[-1].isspace() else "\n"
        prefix = f"{before}{between}{tags.trigger(response.text)}"
        # A stream of its own, so that the draws of the beginning do not come again.
        return attrs.evolve(first, prefix=prefix, seed=stream_seed(self.examiner.seed, f"{self.name}/{first.key}"))


def went_on(reads: Callable[[Generation], Response], begun: Mapping[str, int], generation: Generation) -> Response:
    """The response that a generation completes; its tokens are all of it."""
    made = reads(generation)
    return made if made.error else attrs.evolve(made, tokens=begun[made.key] + made.tokens)


class Roomy(Engine):
    """Another engine, in which each request has room of its own."""

    name = "roomy"
    summary = "another engine, with room of its own for each request"

    def __init__(self, engine: Engine, room: Mapping[str, int], ends: Callable[[str], Sequence[int]]) -> None:
        self.engine, self.room, self.ends = engine, room, ends
        self.chunk, self.together = engine.chunk, engine.together

    def generate(self, requests: Sequence[Request], sampling: Sampling) -> Iterator[Generation]:
        step = ceil(sampling.max_tokens / STEPS)
        groups: dict[int, list[Request]] = {}
        for request in requests:
            if self.room[request.key] < 1:
                yield Generation(request.key, request.prefix, 0, "length")
            else:
                groups.setdefault(ceil(self.room[request.key] / step), []).append(request)
        for _, alike in sorted(groups.items()):
            prefixes = {request.key: request.prefix for request in alike}
            most = attrs.evolve(sampling, max_tokens=max(self.room[request.key] for request in alike))
            with closed(self.engine.generate(alike, most)) as generations:
                for generation in generations:
                    yield self.within(generation, len(prefixes[generation.key]))

    def within(self, generation: Generation, begun: int) -> Generation:
        """A generation cut at its room."""
        room = self.room[generation.key]
        if generation.error:
            return generation
        places = self.ends(generation.text[begun:])
        if (generation.tokens or len(places)) <= room:
            return attrs.evolve(generation, tokens=generation.tokens or len(places))
        text = generation.text[: begun + places[room - 1]] if len(places) > room else generation.text
        return attrs.evolve(generation, text=text, tokens=room, finish="length")
