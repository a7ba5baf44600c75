"""Plans: compiled messages as data. Their operations, canonical form and hash, what may run, where each came from, bundles."""
