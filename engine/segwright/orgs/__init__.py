"""Organisations: what `orgs/schema.yaml` declares and every `orgs/<org>/org.yaml` gives, read, checked and typed.

The stages, in order: `workspace` finds the files, `plain` or `tree` reads YAML, `schema` reads the declarations, `typed`
turns spellings into values, `validate` asks Cerberus, `coherent` checks what no single key can show, `load` runs them all.
Importing `workspace` or `organisation` imports neither ruamel nor Cerberus.
"""
