"""The API, and what a monitor asks of a server."""
