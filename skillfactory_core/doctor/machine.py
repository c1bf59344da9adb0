"""Whether this machine is fit for a run: what needs no model and no run to be told."""

from pathlib import Path

from skillfactory_core.doctor.devices import devices
from skillfactory_core.doctor.disk import disk
from skillfactory_core.doctor.finding import Finding
from skillfactory_core.doctor.hub import hub
from skillfactory_core.doctor.installed import installed
from skillfactory_core.doctor.versions import versions


def machine(runs: Path) -> list[Finding]:
    """All findings; `runs` is the folder of the runs, which need not be there."""
    return [*versions(), *devices(), hub(), *disk(runs), *installed()]
