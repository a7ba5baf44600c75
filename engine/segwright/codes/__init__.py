"""Dated code systems that hospitals bill by: which codes exist on a date, and which of them may be billed."""
