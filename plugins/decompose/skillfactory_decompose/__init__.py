"""The skill to decompose: state subgoals, solve and check each, then answer; go back to a subgoal that fails its check."""
