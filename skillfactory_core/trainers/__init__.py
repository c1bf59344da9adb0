"""The trainer that comes with the core; a plugin like any other."""
