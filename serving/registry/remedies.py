"""A tracking server or a store of artifacts that refuses: what to do, by what it says."""

from __future__ import annotations

_BUCKET = "make the bucket, or correct its name"
_KEYS = "correct AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or the rights of that key"
_NO_KEYS = "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
_PLACE = "start the store, or correct AWS_ENDPOINT_URL"
_LOGIN = "set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or ask for the right"
# Codes of HTTP and S3, and what MLflow makes of them.
REMEDIES = {
    "error code 401": _LOGIN,
    "error code 403": _LOGIN,
    "NoSuchBucket": _BUCKET,
    "bucket does not exist": _BUCKET,
    "AccessDenied": _KEYS,
    "Access Denied": _KEYS,
    "operation: Forbidden": _KEYS,  # where an answer has no body
    "InvalidAccessKeyId": _KEYS,
    "Access Key Id you provided": _KEYS,
    "SignatureDoesNotMatch": _KEYS,
    "request signature we calculated": _KEYS,
    "Unable to locate credentials": _NO_KEYS,
    "Partial credentials": _NO_KEYS,
    "connect to the endpoint URL": _PLACE,
    "timeout on endpoint URL": _PLACE,
    "Invalid endpoint": _PLACE,
    "No module named 'boto3'": "pip install boto3",
}


def remedy(said: str) -> str | None:
    """What to do about an error; None where the text is of something else."""
    return next((do for sign, do in REMEDIES.items() if sign in said), None)
