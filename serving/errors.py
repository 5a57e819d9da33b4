"""What can go wrong while serving, each with one line that names the thing and the remedy."""


class ServingError(Exception):
    """An error whose message is meant for the client."""


class ModelNotFound(ServingError):
    """No model, graph, version or task of that name is served."""


class Malformed(ServingError):
    """The request cannot be read: not JSON, a field of the wrong type, bytes missing."""


class InvalidInput(ServingError):
    """The request can be read, but its values do not fit the model."""


class TooLarge(ServingError):
    """The request is longer than the server reads."""


class Overloaded(ServingError):
    """Too many requests wait already."""


class DeadlineExceeded(ServingError):
    """The answer was not ready in time."""


class BadModel(ServingError):
    """A model folder that must not be served: unreadable, altered or with forbidden content."""
