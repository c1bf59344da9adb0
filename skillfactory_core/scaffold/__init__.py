"""Scaffold: a new distribution with a plugin that works, to be changed into one's own."""
