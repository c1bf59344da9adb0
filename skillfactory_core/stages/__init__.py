"""The stages of a run: one verb per file, records in, records out. Each can be repeated; each picks up where it was."""
