"""The layer of HTTP: what a request passes before an endpoint, and what an operator sees."""
