"""SkillFactory: install a reasoning skill from a model's own attempts, then let RL use it."""

import pluggy

__version__ = "0.1.0"

hookimpl = pluggy.HookimplMarker("skillfactory")
"marks a function of a plugin as the implementation of the hook it is named after"
