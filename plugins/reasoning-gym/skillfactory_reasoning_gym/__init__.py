"""The procedural tasks of reasoning-gym as tasks of SkillFactory."""
