"""Whose code raised: an error in a plugin is its author's to mend, and the line that says so names the plugin."""

import os
import sys
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
        return frame.f_code.co_filename == place_of(plugin)
    return str(frame.f_globals.get("__name__", "")).partition(".")[0] == top(plugin)


def top(plugin: Plugin) -> str:
    """The name of the package, or of the module, that a plugin is in."""
    if plugin.module == plugin.distribution:
        return f"sf_plugin_{Path(plugin.module).stem}"
    return plugin.module.partition(":")[0].partition(".")[0].strip()


def place_of(plugin: Plugin) -> str:
    """The folder or the file that the code of a plugin is in; empty where there is none."""
    names = (top(plugin), plugin.module.partition(":")[0].strip())
    files = [getattr(sys.modules.get(name), "__file__", None) for name in names]
    path = Path(next((file for file in files if file), ""))
    return str(path.parent if path.name == "__init__.py" else path) if path.name else ""
