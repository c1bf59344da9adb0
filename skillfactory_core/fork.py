"""Fork: other traces from the same attempts and reflections, in the same run or in one beside it."""

import json
import shutil
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import tomli_w

from skillfactory_core.config import Config, merge, structure, unstructure
from skillfactory_core.errors import SkillFactoryError
from skillfactory_core.link import link
from skillfactory_core.run import Run, open_run, write_text

FREE = ("strategy", "strategy_options", "rearrange", "skills", "phrases")
"settings that decide about traces and nothing before them"
SHARED = {"problems": "1-problems", "sample": "2-attempts", "grade": "3-grades", "reflect": "4-reflections"}
"stage -> the folder that a fork takes over"


def changed(config: Config, above: Mapping[str, Any]) -> Config:
    """A configuration with other settings for its traces."""
    bound = sorted(above.keys() - set(FREE))
    if bound:
        raise SkillFactoryError(
            f"setting '{bound[0]}' decides about more than the traces: here only {', '.join(FREE)} can be others; "
            "start a new run (sf run)"
        )
    tables = unstructure(config)
    if above.get("strategy", config.strategy) != config.strategy:
        tables["strategy_options"] = {}
    return structure(merge(tables, above))


def rearrange_anew(run: Run, config: Config) -> Run:
    """The run with other settings for its traces; those it has are dropped, unless a model learned from them."""
    if config == run.config:
        return run
    if run.sft.exists():
        raise SkillFactoryError(
            f"a model was trained on the traces of {run.folder}: keep them, and make others in a new run (--to NAME)"
        )
    manifest = run.manifest()
    manifest["stages"].pop("rearrange", None)
    manifest.pop("words", None)
    shutil.rmtree(run.traces.folder, ignore_errors=True)
    write_text(run.folder / "manifest.json", json.dumps(manifest, indent=2) + "\n")
    write_text(run.folder / "config.toml", tomli_w.dumps(unstructure(config)))
    run.event(event="traces dropped", reason="other settings for them")
    return open_run(run.folder)


def fork(run: Run, folder: Path, config: Config, stages: Collection[str] = tuple(SHARED)) -> Run:
    """A new run that shares the work of these stages of the run: the same files, by link where the disk can."""
    if folder.exists():
        raise SkillFactoryError(f"{folder} is there already: choose another name (--to NAME)")
    manifest = run.manifest()
    lacking = [stage for stage in stages if stage != "reflect" and stage not in manifest["stages"]]
    if lacking:
        raise SkillFactoryError(
            f"stage '{lacking[0]}' of {run.folder} is not finished: sf {lacking[0]} {run.folder}, then fork it"
        )
    temporary = folder.with_name(folder.name + ".tmp")
    shutil.rmtree(temporary, ignore_errors=True)
    for name in map(SHARED.__getitem__, stages):
        if (run.folder / name).exists():
            shutil.copytree(run.folder / name, temporary / name, copy_function=take_over)
    manifest.pop("words", None)
    manifest["stages"] = {stage: manifest["stages"][stage] for stage in stages if stage in manifest["stages"]}
    manifest["forked_from"] = str(run.folder)
    write_text(temporary / "manifest.json", json.dumps(manifest, indent=2) + "\n")
    write_text(temporary / "config.toml", tomli_w.dumps(unstructure(config)))
    temporary.replace(folder)
    return open_run(folder)


def take_over(source: str, target: str) -> None:
    """Journals grow, so they are copied."""
    (link if source.endswith(".parquet") else shutil.copy2)(source, target)
