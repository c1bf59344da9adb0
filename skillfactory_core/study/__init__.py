"""A study: methods x seeds, each a run, and what comes of all: plan (the file), work (the runs), outcome (figures), page."""
