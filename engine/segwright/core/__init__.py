"""Source text, places in it, and findings: what every floor above speaks in."""
