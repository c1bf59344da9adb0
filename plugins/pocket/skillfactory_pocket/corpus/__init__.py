"""What pocket was pretrained on: single attempts, single checks, drills and generic markup, a file per task.

No document shows a second attempt, a reflection inside an answer, or a skill trace: the base model must
be able to guess and to check, and must never have seen anyone retry. `tests/pocket/test_corpus.py` proves it.

Source of the recipe: the SkillFactory method needs a base that has the two halves of the skill and not
the whole (arXiv 2512.04072, section 2); the sizes are ours, measured on two CPU cores.
"""
