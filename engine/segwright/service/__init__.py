"""The use cases, where the floors are joined: compile a workspace, render and read with it, run its cases."""
