"""Clinical review: the worklist, a study with its measurements and codes, signing, and what became of what was signed."""
