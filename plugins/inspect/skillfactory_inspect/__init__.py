"""The tasks of SkillFactory as tasks of inspect_ai, and its engines as models of inspect_ai."""
