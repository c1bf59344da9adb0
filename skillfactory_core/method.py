"""Method: a named way to make what a model is fine-tuned on, as settings on top of the others."""

from collections.abc import Mapping
from typing import Any

import attrs

from skillfactory_core.arms import NAME


@attrs.frozen
class Method:
    """What `--method` takes: the paper's own method, an ablation of it, or a baseline that is other data."""

    name: str = attrs.field(validator=attrs.validators.matches_re(NAME))
    "also the name of the model that comes out in the end: in folders, tables and the report"
    summary: str
    title: str
    "how the report calls it"
    needs_teacher: bool = False
    "the traces come from a file (teacher = FILE), not from the model's attempts"
    settings: Mapping[str, Any] = attrs.field(factory=dict)
    "settings that make it: above the preset's and the model's, below the user's"
