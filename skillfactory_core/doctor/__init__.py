"""Doctor: whether this machine, and a model, are fit for a run, before time is spent on it."""
