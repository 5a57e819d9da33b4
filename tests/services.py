"""Servers that tests start themselves: PostgreSQL, an S3 store, and MLflow over both."""

import contextlib
import logging
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

PLACES = ("/usr/local/bin", *map(str, Path("/usr/lib/postgresql").glob("*/bin")))
BUCKET = "registry"
START_SECONDS = 120.0


def free_port() -> int:
    """A port of this machine that nothing uses."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def until(done, seconds: float = START_SECONDS) -> None:
    """Wait until ``done`` returns something true without an error."""
    end = time.monotonic() + seconds
    while True:
        with contextlib.suppress(Exception):
            if done():
                return
        assert time.monotonic() < end, f"not ready after {seconds:.0f} s"
        time.sleep(0.1)


@contextlib.contextmanager
def postgresql() -> Iterator[str]:
    """The URI of a new database; skips the test where the programs are missing."""
    found = {
        name: shutil.which(name, path=os.pathsep.join((os.environ["PATH"], *PLACES)))
        for name in ("initdb", "postgres")
    }
    if missing := [name for name, path in found.items() if path is None]:
        pytest.skip(f"PostgreSQL is not installed: no {' and no '.join(missing)}")
    # It refuses to run as root, and its user must be able to enter the folder.
    user = pwd.getpwnam("nobody") if os.geteuid() == 0 else None
    owner = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []} if user else {}
    folder = tempfile.mkdtemp(prefix="registry-")
    if user:
        os.chown(folder, user.pw_uid, user.pw_gid)
    port, quiet = free_port(), {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    command = [found["initdb"], "-D", f"{folder}/data", "-U", "registry", "-A", "trust", "-N"]
    subprocess.run(command, check=True, cwd=folder, **owner, **quiet)
    command = [found["postgres"], "-D", f"{folder}/data", "-k", folder, "-p", str(port), "-F"]
    process = subprocess.Popen(command, cwd=folder, **owner, **quiet)
    try:
        until(lambda: socket.create_connection(("127.0.0.1", port), 1).close() is None)
        yield f"postgresql+psycopg2://registry@127.0.0.1:{port}/postgres"
    finally:
        process.send_signal(signal.SIGQUIT)
        process.wait()
        shutil.rmtree(folder)


@contextlib.contextmanager
def s3() -> Iterator[dict[str, str]]:
    """What boto3 needs to use a new S3 store, in this process, with one bucket."""
    import boto3
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.WARNING)  # or it logs each request
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    access = {
        "endpoint_url": f"http://{host}:{port}",
        "aws_access_key_id": "key",
        "aws_secret_access_key": "secret",
        "region_name": "us-east-1",
    }
    boto3.client("s3", **access).create_bucket(Bucket=BUCKET)
    try:
        yield access
    finally:
        server.stop()


class Tracking:
    """An MLflow server that can be killed and started again on the same port.

    Its clients send artifacts to it, and it alone writes them into the S3 store.
    """

    def __init__(self, database: str, store: dict[str, str]) -> None:
        self.port = free_port()
        self.uri = f"http://127.0.0.1:{self.port}"
        self.environment = {
            **os.environ,
            "MLFLOW_S3_ENDPOINT_URL": store["endpoint_url"],
            "AWS_ACCESS_KEY_ID": store["aws_access_key_id"],
            "AWS_SECRET_ACCESS_KEY": store["aws_secret_access_key"],
            "AWS_DEFAULT_REGION": store["region_name"],
            "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        }
        self.command = [sys.executable, "-m", "mlflow", "server", "--backend-store-uri", database]
        self.command += ["--artifacts-destination", f"s3://{BUCKET}/artifacts", "--workers", "1"]
        self.command += ["--host", "127.0.0.1", "--port", str(self.port)]
        self.start()

    def start(self) -> None:
        """Return when the server answers."""
        self.process = subprocess.Popen(
            self.command,
            env=self.environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        until(lambda: urllib.request.urlopen(f"{self.uri}/health", timeout=5).status == 200)

    def kill(self) -> None:
        """End the server and its workers at once."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
