"""Change review: what differs between two states of a workspace, how grave it is, and who approved it."""
