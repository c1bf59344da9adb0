"""Export for inspect (inspect_ai): a log for each method and exam that its viewer opens. Its `.eval` file is a ZIP archive of JSON."""

import hashlib
import json
import tempfile
import zipfile
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import IO, Any

import attrs

from skillfactory_core import __version__, hookimpl, interval, registry
from skillfactory_core.arms import asked_with
from skillfactory_core.attempt import UNCHECKED
from skillfactory_core.evaluation import Response
from skillfactory_core.exporter import Exporter
from skillfactory_core.exporters import messages
from skillfactory_core.problem import Problem
from skillfactory_core.prompts import Message, PromptSet
from skillfactory_core.run import Run
from skillfactory_core.stages.grpo import ask
from skillfactory_core.stages.problems import variants_of
from skillfactory_core.task import Task

SCORER = "grade"
"what inspect calls a score, we call a grade"
STOPS = {"stop": "stop", "length": "max_tokens", "error": "unknown"}
LONG_AGO = (1980, 1, 1, 0, 0, 0)
"the date of every file in an archive, so that the same run gives the same bytes"
SHOWN = 200
"characters of a question that the list of a log shows"


class InspectExporter(Exporter):
    """One log for each method and exam. A response is a sample of inspect's, and its number `k` the epoch, less one."""

    name = "inspect"
    summary = "logs of the evaluation for the viewer of inspect_ai"
    then = "inspect view --log-dir ."
    needs = ("evaluate", "responses")

    def export(self, run: Run, folder: Path) -> dict[str, Any]:
        prompts = messages.prompts_of(run.config)
        messages.check_prompts(run, prompts)
        tags = registry.find_tags(run.config.tags)
        asked = {method: asked_with(method, prompts, tags) for method in run.config.arms}
        logs = responses = 0
        for exam, task in variants_of(run.config).items():
            for method in run.config.arms:
                if run.responses(method, exam).count():
                    responses += Log(run, method, exam, task, asked[method]).write(folder / f"{method}-{exam}.eval")
                    logs += 1
        return {"logs": logs, "responses": responses}


@attrs.define
class Sums:
    """What the head of a log says of its responses."""

    counts: dict[str, list[int]] = attrs.field(factory=lambda: defaultdict(lambda: [0, 0]))
    "problem -> [right, graded]"
    total: int = 0
    failed: int = 0
    tokens: int = 0
    epochs: int = 0

    def add(self, response: Response) -> None:
        self.total += 1
        self.epochs = max(self.epochs, response.k + 1)
        self.tokens += response.tokens
        self.failed += bool(response.error)
        if not response.error:
            self.counts[response.problem][0] += response.correct
            self.counts[response.problem][1] += 1


@attrs.frozen
class Log:
    """The responses of one method to one exam."""

    run: Run
    method: str
    exam: str
    task: Task
    prompts: PromptSet

    @property
    def model(self) -> str:
        """What inspect shows as the model: the method, under the name of the run."""
        return f"{self.run.folder.resolve().name}/{self.method}"

    def write(self, path: Path) -> int:
        """Fill the archive, one response at a time; returns how many."""
        sums = Sums()
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive, tempfile.TemporaryFile("w+b") as summaries:
            for problem, response in self.responses():
                sample = self.sample(problem, response)
                put(archive, f"samples/{sample['id']}_epoch_{sample['epoch']}.json", sample)
                # The list of all samples is one file of the archive, and may not fit into memory.
                summaries.write((b", " if sums.total else b"[") + as_json(summary(sample)))
                sums.add(response)
            summaries.write(b"]")
            copy(archive, "summaries.json", summaries)
            head = self.head(sums)
            put(archive, "_journal/start.json", {name: head[name] for name in ("version", "eval", "plan")})
            put(archive, "header.json", head)
        return sums.total

    def responses(self) -> Iterator[tuple[Problem, Response]]:
        """Every response with its problem: a part of the one table is about the same part of the other."""
        problems, responses = self.run.problems("evaluation", self.exam), self.run.responses(self.method, self.exam)
        for part in responses.parts():
            by_key = {problem.key: problem for problem in problems.read(part)}
            for batch in responses.batches(part, rows=64):
                for response in from_batch(batch):
                    yield by_key[response.problem], response

    def sample(self, problem: Problem, response: Response) -> dict[str, Any]:
        """A response as inspect has it."""
        asked: list[Message] = list(ask(problem, self.prompts, self.task.answer_kind).messages)
        said = {"role": "assistant", "content": response.text, "source": "generate", "model": self.model}
        usage = {"input_tokens": 0, "output_tokens": response.tokens, "total_tokens": response.tokens}
        choice = {"message": said, "stop_reason": STOPS.get(response.finish, "unknown")}
        made = {
            "id": problem.key,
            "epoch": response.k + 1,
            "input": asked,
            "target": self.target(problem),
            "messages": [*asked, said],
            "output": {"model": self.model, "choices": [choice], "completion": response.text, "usage": usage},
            "scores": {SCORER: score(response)},
            "metadata": {
                "key": response.key,
                "question": problem.question,
                "task": problem.task,
                "variant": problem.variant,
            },
            "model_usage": {self.model: usage},
            "uuid": digest(response.key),
        }
        if response.error:
            del made["scores"]
            made["error"] = {"message": response.error, "traceback": "", "traceback_ansi": ""}
        return made

    def target(self, problem: Problem) -> str:
        """A right answer, where the task has one to show."""
        with suppress(Exception):
            return str(self.task.reference(problem.params))
        return ""

    def head(self, sums: Sums) -> dict[str, Any]:
        """What a log says of all its responses: version, status, eval, plan, results, stats."""
        config, manifest = self.run.config, self.run.manifest()
        stage = self.run.finished(f"evaluate-{self.method}")
        sampling = config.evaluate_sampling
        generate = {name: getattr(sampling, name) for name in ("temperature", "top_p", "top_k", "max_tokens")}
        started = datetime.strptime(manifest["started"], "%Y-%m-%dT%H:%M:%S%z")
        ended = started + timedelta(seconds=(stage or {}).get("seconds") or 0)
        usage = {"input_tokens": 0, "output_tokens": sums.tokens, "total_tokens": sums.tokens}
        name = f"{self.run.folder.resolve().name}/{self.method}/{self.exam}"
        return {
            "version": 2,
            "status": "success" if stage else "cancelled",
            "eval": {
                "eval_id": digest(name),
                "run_id": digest(self.run.folder.resolve().name),
                # Of logs with one task's identifier the viewer shows only the last.
                "task_id": digest(f"{name}/task"),
                "created": started.isoformat(),
                "task": self.exam if self.task.name in self.exam else f"{self.task.name}-{self.exam}",
                "dataset": {"name": f"{self.task.name} {self.exam}", "samples": len(sums.counts)},
                "model": self.model,
                "model_args": {"base": config.model},
                "model_generate_config": generate,
                "config": {"epochs": sums.epochs},
                "packages": {"skillfactory": __version__},
                "metadata": {"run": self.run.folder.resolve().name, "method": self.method, "seed": config.seed},
                "scorers": [{"name": SCORER}],
            },
            "plan": {"name": "plan", "steps": [{"solver": "generate", "params": {}}], "config": generate},
            "results": {
                "total_samples": sums.total,
                "completed_samples": sums.total - sums.failed,
                "scores": [scores(sums)] if sums.counts else [],
            },
            "stats": {
                "started_at": started.isoformat(),
                "completed_at": ended.isoformat(),
                "model_usage": {self.model: usage},
            },
        }


def from_batch(batch: Any) -> Iterator[Response]:
    from skillfactory_core.table import from_arrow

    return from_arrow(Response, batch)


def score(response: Response) -> dict[str, Any]:
    """A grade as inspect has it: C for right, I for wrong. What could not be checked counts as not right, as everywhere."""
    said = f"{response.reason}: could not be checked" if response.reason in UNCHECKED else response.reason
    return {"value": "C" if response.correct else "I", "answer": response.answer, "explanation": said}


def scores(sums: Sums) -> dict[str, Any]:
    """The accuracy of a log with its 95 % interval, by problem."""
    found = interval.share([(right, total) for right, total in sums.counts.values()])
    values = found.named("accuracy")
    graded = sums.total - sums.failed
    metrics = {name: {"name": name, "value": value} for name, value in values.items()}
    return {
        "name": SCORER,
        "scorer": SCORER,
        "scored_samples": graded,
        "unscored_samples": sums.failed,
        "metrics": metrics,
    }


def summary(sample: Mapping[str, Any]) -> dict[str, Any]:
    """What the list of a log shows of a sample."""
    same = {name: sample[name] for name in ("id", "epoch", "target", "model_usage", "uuid", "scores") if name in sample}
    question = sample["metadata"]["question"]
    line = question if len(question) <= SHOWN else f"{question[: SHOWN - 1]}…"
    failed = {"error": sample["error"]["message"]} if "error" in sample else {}
    return {**same, **failed, "input": line, "completed": True, "message_count": len(sample["messages"])}


def put(archive: zipfile.ZipFile, name: str, what: Any) -> None:
    archive.writestr(entry(name), as_json(what))


def copy(archive: zipfile.ZipFile, name: str, source: IO[bytes]) -> None:
    """A file of any size as one of the archive."""
    source.seek(0)
    with archive.open(entry(name), "w", force_zip64=True) as file:
        while more := source.read(1 << 20):
            file.write(more)


def entry(name: str) -> zipfile.ZipInfo:
    made = zipfile.ZipInfo(name, LONG_AGO)
    made.compress_type = zipfile.ZIP_DEFLATED
    return made


def as_json(what: Any) -> bytes:
    # Escaped, so that what is no text in UTF-8 stays readable.
    return json.dumps(what, ensure_ascii=True).encode("ascii")


def digest(text: str) -> str:
    """A name for inspect's identifiers: the same for the same run."""
    return hashlib.sha256(text.encode()).hexdigest()[:22]


@hookimpl
def register_exporters() -> list[type[Exporter]]:
    return [InspectExporter]
