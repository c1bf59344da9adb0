"""Backtracking: instead of starting over, return to a named earlier step and go on from there."""
