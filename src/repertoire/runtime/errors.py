"""What can go wrong while serving, each with one line that names the thing and the remedy."""


class InferenceError(Exception):
    """An error whose message is meant for the client."""


class ModelNotFound(InferenceError):
    """No model, graph, version or task of that name is served."""


class Malformed(InferenceError):
    """The request cannot be read: not JSON, a field of the wrong type, bytes missing."""


class InvalidInput(InferenceError):
    """The request can be read, but its values do not fit the model."""


class TooLarge(InferenceError):
    """The request is longer than the server reads."""


class Overloaded(InferenceError):
    """Too many requests wait already."""


class DeadlineExceeded(InferenceError):
    """The answer was not ready in time."""


class Abandoned(InferenceError):
    """Nobody waits for the answer any more."""


class BadModel(InferenceError):
    """A model folder that must not be served: unreadable, altered or with forbidden content."""
