"""Whether what is installed are the versions that SkillFactory needs, and those that it was tested with.

tested.txt is written by `make constraints`: of the versions that the tests run with, those that we ask for ourselves.
"""

import re
import sys
from collections.abc import Iterable, Iterator
from importlib.metadata import Distribution, PackageNotFoundError, distribution, version
from pathlib import Path
from shlex import join

from skillfactory_core.doctor.finding import Finding
from skillfactory_core.unmet import OWN, missing, requirements

TABLE = Path(__file__).with_name("tested.txt")
EXTRAS = ("vllm", "ray")
"what engines need that not everybody installs"


def versions() -> Iterator[Finding]:
    """What is missing or too old, and what differs from the table."""
    us = distribution(OWN)
    lacking, others = missing(us), differing()
    if lacking:
        what = f"what it needs is missing or of another version: {', '.join(lacking)}"
        yield Finding("versions", "failed", what, f"pip install {join(lacking)}")
    elif others:
        what = (
            f"other versions than were tested: {', '.join(f'{name} {here} ({there})' for name, here, there in others)}"
        )
        pins = join(f"{name}=={there}" for name, _, there in others)
        yield Finding("versions", "unsure", what, f"if something fails: pip install {pins}")
    else:
        yield Finding("versions", "ok", f"all {len(tested())} that it needs are those that were tested")
    yield from extras(us)


def extras(us: Distribution) -> Iterator[Finding]:
    """Engines whose program is there in a version that they were not written for."""
    always = {needed.name for needed in requirements(us)}
    for extra in EXTRAS:
        for needed in requirements(us, extra):
            found = installed(needed.name)
            if needed.name not in always and found and not needed.specifier.contains(found, prereleases=True):
                do = f"pip install {join([f'{needed.name}{needed.specifier}'])}"
                yield Finding(f"engine {extra}", "failed", f"{needed.name} {found} is not {needed.specifier}", do)


def differing() -> list[tuple[str, str, str]]:
    """(library, installed version, tested one), without what a version says of its build."""
    found = ((name, installed(name), there) for name, there in tested().items())
    return [(name, here, there) for name, here, there in found if here.partition("+")[0] != there]


def tested() -> dict[str, str]:
    """library -> the version that was tested."""
    lines = TABLE.read_text(encoding="utf-8").split()
    return {name: number for name, _, number in (line.partition("==") for line in lines)}


def installed(name: str) -> str:
    """A version, or nothing."""
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def ours(constraints: Iterable[str]) -> list[str]:
    """The lines of a file of constraints about what we ask for ourselves."""
    asked = {plain(needed.name) for needed in requirements(distribution(OWN))}
    return [line for line in constraints if plain(line.partition("==")[0]) in asked]


def plain(name: str) -> str:
    """Names of packages are the same with any of these."""
    return re.sub(r"[-_.]+", "-", name).lower()


if __name__ == "__main__":
    print("\n".join(ours(Path(sys.argv[1]).read_text(encoding="utf-8").split())))
