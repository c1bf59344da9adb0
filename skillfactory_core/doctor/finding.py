"""Finding: what one check of the doctor saw."""

import attrs


@attrs.frozen
class Finding:
    """What one check saw."""

    check: str
    state: str
    "ok, unsure (it may do harm), failed (something will fail) or not checked"
    what: str
    do: str = ""
    "what to do about it"
