"""The report page, piece by piece: story (what was done), words (what came out), curves, pieces, selection, charts."""
