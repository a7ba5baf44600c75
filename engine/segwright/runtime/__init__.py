"""Running plans: JSON to values and back, the interpreter that has the last word, and the code generated for speed."""
