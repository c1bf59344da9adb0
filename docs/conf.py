"""Sphinx: Furo and MyST. The reference is written from the code each time the docs are built."""

import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

from generate_reference import write_reference  # noqa: E402

from skillfactory_core import __version__  # noqa: E402

project = "SkillFactory"
author = "the SkillFactory authors"
copyright = author
version = release = __version__

extensions = ["myst_parser"]
exclude_patterns = ["_build", "reference/_generated", "examples"]
myst_enable_extensions = ["deflist", "colon_fence", "attrs_inline"]
myst_heading_anchors = 3
html_theme = "furo"
html_title = f"SkillFactory {release}"
html_show_sphinx = False

write_reference(HERE / "reference" / "_generated")
