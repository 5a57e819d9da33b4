"""The description of the server in OpenAPI 3.1."""
