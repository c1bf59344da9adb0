"""What pocket was pretrained on: attempts and checks, a file per task; worksheets and exercises of several; drills and markup.

No document shows a second attempt at its problem, a reflection inside an answer, or a skill trace: the base model must be able to
guess and to check, and must never have seen anyone retry. `tests/pocket/test_corpus.py` and `test_worksheets.py` prove it.

Source of the recipe: the SkillFactory method needs a base that has the two halves of the skill and not
the whole (arXiv 2512.04072, section 2); the sizes are ours, measured on two CPU cores.
"""
