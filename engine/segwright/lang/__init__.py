"""The mapping language and its compiler: parse, declare, flatten, lower, check, emit; one pass, one file."""
