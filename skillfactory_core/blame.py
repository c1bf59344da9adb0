"""Whose code raised: an error in a plugin is its author's to mend, and the line that says so names the plugin."""

import os
from pathlib import Path
from traceback import walk_tb
from types import FrameType

from skillfactory_core.plugins import Plugin, in_one_line, plugins

TRACEBACK = "SKILLFACTORY_TRACEBACK"
"set it, and errors of plugins come with their traceback"


def blamed(error: BaseException) -> str:
    """One line about an error that the code of a plugin raised; empty where it was ours, or the traceback is asked for."""
    if os.environ.get(TRACEBACK):
        return ""
    for frame, line in reversed(list(walk_tb(error.__traceback__))):
        for plugin in plugins().found:
            if not plugin.ours and owns(plugin, frame):
                place = f"{Path(frame.f_code.co_filename).name}:{line}"
                what = (
                    f"{in_one_line(error)} ({place}); what is done is kept: {plugin.way_out}; {TRACEBACK}=1 shows more"
                )
                return plugin.told(what)
    return ""


def owns(plugin: Plugin, frame: FrameType) -> bool:
    """Whether a frame runs code of a plugin: of its file, or of the package that its module is in."""
    if plugin.module == plugin.distribution:
        return frame.f_code.co_filename == plugin.module
    top = plugin.module.partition(":")[0].partition(".")[0].strip()
    return str(frame.f_globals.get("__name__", "")).partition(".")[0] == top
