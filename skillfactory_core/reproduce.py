"""Reproduce: what differs between a run and the same run again: versions, tables, models, results."""

from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import attrs

from skillfactory_core.results import summarise
from skillfactory_core.run import Run

LISTED = 3
"differing records that are named"


@attrs.frozen
class Difference:
    """One thing that is not the same."""

    what: str
    before: str
    now: str


@attrs.frozen
class Comparison:
    """A run beside the same run again."""

    same: tuple[str, ...]
    "tables and models that are equal to the last bit"
    differences: tuple[Difference, ...]


def compare(first: Run, again: Run) -> Comparison:
    """Everything that the manifest lists, and the results."""
    same: list[str] = []
    found = [*machines(first, again), *tampered(first)]
    files, files_now = actual(first), actual(again)
    for path, checksum in files.items():
        now = files_now.get(path)
        if now == checksum and (checksum or (again.folder / path).is_dir()):
            if checksum:
                same.append(path)
            else:
                models = list(weights(first, again, path))
                found += models
                same += [] if models else [path]
        elif now is None:
            found.append(Difference(path, "there", "missing"))
        else:
            found += rows(first, again, path)
    found += [Difference(path, "missing", "there") for path in files_now if path not in files and in_both(path, first)]
    found += results(first, again)
    return Comparison(tuple(same), tuple(found))


def tampered(run: Run) -> Iterator[Difference]:
    """Files of the first run that are no longer what it made."""
    now = actual(run)
    for path, checksum in listed(run).items():
        if path in now and now[path] != checksum:
            yield Difference(f"{path}: in {run.folder}", "as the run made it", "changed since")


def actual(run: Run) -> dict[str, str]:
    """path -> checksum of the listed files as they are; empty for a model's folder."""
    return {
        path: sha256((run.folder / path).read_bytes()).hexdigest() if checksum else ""
        for path, checksum in listed(run).items()
        if (run.folder / path).exists()
    }


def listed(run: Run) -> dict[str, str]:
    """path -> checksum of what the finished stages made; empty for a model's folder."""
    return {
        path: checksum
        for summary in run.manifest()["stages"].values()
        for path, checksum in summary.get("files", {}).items()
    }


def in_both(path: str, first: Run) -> bool:
    return (first.folder / path).parent.exists()


def machines(first: Run, again: Run) -> Iterator[Difference]:
    before, now = first.manifest(), again.manifest()
    for name in sorted(before["versions"].keys() | now["versions"].keys()):
        versions = before["versions"].get(name, "not there"), now["versions"].get(name, "not there")
        if versions[0] != versions[1]:
            yield Difference(f"version of {name}", *versions)
    if before.get("words") != now.get("words"):
        yield Difference("prompts, phrases and tags", "as they were", "changed since")
    for name in ("platform", "processor", "cores"):
        machine = str(before["machine"].get(name)), str(now["machine"].get(name))
        if machine[0] != machine[1]:
            yield Difference(f"machine: {name}", *machine)


def rows(first: Run, again: Run, path: str) -> Iterator[Difference]:
    """How a part of a table differs: which records, in which columns."""
    import pyarrow.parquet as pq

    before, now = (
        {row["key"]: row for row in keyed(pq.read_table(run.folder / path).to_pylist())} for run in (first, again)
    )
    lacking, extra = before.keys() - now.keys(), now.keys() - before.keys()
    changed = [key for key in before if key in now and before[key] != now[key]]
    if lacking or extra:
        yield Difference(
            f"{path}: records", f"{len(before):,}", f"{len(now):,} ({len(lacking):,} lacking, {len(extra):,} new)"
        )
    for key in changed[:LISTED]:
        columns = [name for name in before[key] if before[key][name] != now[key].get(name)]
        yield Difference(
            f"{path}: {key}, {columns[0]}", brief(before[key][columns[0]]), brief(now[key].get(columns[0]))
        )
    if len(changed) > LISTED:
        yield Difference(f"{path}: records that differ", "0", f"{len(changed):,} of {len(before):,}")
    if not (lacking or extra or changed):
        yield Difference(f"{path}: bytes", "as they were", "others, for the same records in the same or another order")


def keyed(table: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Rows with a key: those of grades are known by their attempt."""
    for row in table:
        yield {"key": row.get("key", row.get("attempt")), **row}


def weights(first: Run, again: Run, path: str) -> Iterator[Difference]:
    """How the weights of two models differ."""
    from safetensors import safe_open

    for file in sorted((first.folder / path).glob("*.safetensors")):
        other = again.folder / path / file.name
        if other.is_file() and other.read_bytes() == file.read_bytes():
            continue
        if not other.is_file():
            yield Difference(f"{path}/{file.name}", "there", "missing")
            continue
        with safe_open(file, "pt") as before, safe_open(other, "pt") as now:
            names = before.keys()
            if set(names) != set(now.keys()):
                yield Difference(
                    f"{path}/{file.name}", f"{len(names)} tensors", f"{len(now.keys())} tensors, not the same ones"
                )
                continue
            most = max(float((before.get_tensor(n).float() - now.get_tensor(n).float()).abs().max()) for n in names)
        yield Difference(f"{path}/{file.name}", "weights", f"weights that differ by up to {most:.3g}")


def results(first: Run, again: Run) -> Iterator[Difference]:
    """Accuracies that are not the same."""
    before, now = (summarise(run)["methods"] for run in (first, again))
    for method, by_exam in before.items():
        for exam, each in by_exam.items():
            other = now.get(method, {}).get(exam)
            if other is None:
                yield Difference(f"accuracy of {method} on {exam}", percent(each), "missing")
            elif other["accuracy"] != each["accuracy"]:
                yield Difference(f"accuracy of {method} on {exam}", percent(each), percent(other))


def percent(each: dict[str, Any]) -> str:
    return f"{100 * each['accuracy']:.1f} ({100 * each['low']:.1f} to {100 * each['high']:.1f})"


def brief(value: Any) -> str:
    text = " ".join(str(value).split())
    return f"{text[:60]} …" if len(text) > 60 else text


def again_folder(run: Run) -> Path:
    return run.folder.with_name(f"{run.folder.name}-again")
