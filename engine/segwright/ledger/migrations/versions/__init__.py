"""Each change of the tables, both ways."""
