"""HL7 v2 on the wire (chapter 2): delimiters, escapes, charsets, reading a message, paths into it."""
