"""The tasks that ship with SkillFactory: one file, one plugin."""
