"""`python -m evals`: how often a planner means what a person meant, over conversations that people labelled.

The cases are data (`cases/`, guide in `README.md`). One half is for looking and tuning (`dev`), the other only for
measuring (`test`): nothing here prints a case of it.
"""
