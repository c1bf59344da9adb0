"""The skills of the paper, with their tags, prompts, phrases and strategy; each file is a plugin."""
