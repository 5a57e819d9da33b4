"""Servers that tests start themselves: PostgreSQL, an S3 store, and MLflow over both."""

import contextlib
import json
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

import boto3
import pytest
import sqlalchemy

PLACES = ("/usr/local/bin", *map(str, Path("/usr/lib/postgresql").glob("*/bin")))
BUCKET = "team"
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


def unprivileged() -> dict[str, object]:
    """Whose processes PostgreSQL's are, for `subprocess`: it refuses to run as root."""
    if os.geteuid() != 0:
        return {}
    try:
        user = pwd.getpwnam("nobody")
        owner = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
        subprocess.run(["true"], check=True, **owner)
    except (KeyError, OSError) as error:
        pytest.skip(f"PostgreSQL does not run as root, and nobody cannot be used: {error}")
    return owner


@contextlib.contextmanager
def postgresql() -> Iterator[str]:
    """The URI of a new database; skips the test where the programs are missing."""
    found = {
        name: shutil.which(name, path=os.pathsep.join((os.environ["PATH"], *PLACES)))
        for name in ("initdb", "pg_ctl")
    }
    if missing := [name for name, path in found.items() if path is None]:
        pytest.skip(f"PostgreSQL is not installed: no {' and no '.join(missing)}")
    owner = unprivileged()
    folder = tempfile.mkdtemp(prefix="registry-")
    if owner:
        os.chown(folder, owner["user"], owner["group"])
    port, data = free_port(), f"{folder}/data"

    def run(name: str, *words: str) -> None:
        command = [found[name], "-D", data, *words]
        subprocess.run(command, check=True, cwd=folder, stdout=subprocess.DEVNULL, **owner)

    run("initdb", "-U", "registry", "-A", "trust", "-N")
    options = f"-h 127.0.0.1 -p {port} -k {folder} -F"
    run("pg_ctl", "start", "-w", "-l", f"{folder}/log", "-o", options)
    try:
        yield f"postgresql+psycopg2://registry@127.0.0.1:{port}/postgres"
    finally:
        run("pg_ctl", "stop", "-m", "immediate")
        shutil.rmtree(folder)


def another_database(uri: str, name: str, like: str = "template1") -> str:
    """The URI of a new database on the same server, a copy of another one of it."""
    engine = sqlalchemy.create_engine(uri, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(sqlalchemy.text(f'create database "{name}" template "{like}"'))
    engine.dispose()
    return uri.rpartition("/")[0] + f"/{name}"


class Store:
    """An S3 store with one bucket, in a process of its own, that checks keys.

    Attributes:
        access: what boto3 needs to use it with a key that may do everything.
        readers: the same with a key that may read.
    """

    UNCHECKED = 7  # requests that moto takes from anybody: those that make bucket and keys

    def __init__(self) -> None:
        port = free_port()
        self.endpoint = f"http://127.0.0.1:{port}"
        self.process = subprocess.Popen(
            [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
            env={**os.environ, "INITIAL_NO_AUTH_ACTION_COUNT": str(self.UNCHECKED)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            until(lambda: socket.create_connection(("127.0.0.1", port), 1).close() is None)
            anybody = self._with("any", "thing")
            boto3.client("s3", **anybody).create_bucket(Bucket=BUCKET)
            iam = boto3.client("iam", **anybody)
            self.access = self._new_key(iam, "all", ["s3:*"])
            self.readers = self._new_key(iam, "read", ["s3:Get*", "s3:List*"])
        except BaseException:
            self.end()
            raise

    def end(self) -> None:
        """Nothing is kept."""
        self.process.kill()
        self.process.wait()

    def environment(self, **other: str) -> dict[str, str]:
        """The variables that a machine with a key has, or others."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": self.access["aws_access_key_id"],
            "AWS_SECRET_ACCESS_KEY": self.access["aws_secret_access_key"],
            "AWS_DEFAULT_REGION": self.access["region_name"],
            **other,
        }

    def _with(self, key: str, secret: str) -> dict[str, str]:
        return {
            "endpoint_url": self.endpoint,
            "aws_access_key_id": key,
            "aws_secret_access_key": secret,
            "region_name": "us-east-1",
        }

    def _new_key(self, iam, name: str, actions: list[str]) -> dict[str, str]:
        statement = {"Effect": "Allow", "Action": actions, "Resource": "*"}
        policy = {"Version": "2012-10-17", "Statement": [statement]}
        iam.create_user(UserName=name)
        iam.put_user_policy(UserName=name, PolicyName=name, PolicyDocument=json.dumps(policy))
        made = iam.create_access_key(UserName=name)["AccessKey"]
        return self._with(made["AccessKeyId"], made["SecretAccessKey"])


@contextlib.contextmanager
def s3() -> Iterator[Store]:
    """A new S3 store; skips the test where moto is missing."""
    pytest.importorskip("moto.server", reason="moto[server] is not installed")
    store = Store()
    try:
        yield store
    finally:
        store.end()


class Tracking:
    """An MLflow server that can be killed and started again on the same port.

    Its clients send artifacts to it, and it alone writes them into the S3 store.
    """

    def __init__(self, database: str, store: Store, root: str = f"s3://{BUCKET}/artifacts") -> None:
        self.port = free_port()
        self.uri = f"http://127.0.0.1:{self.port}"
        self.environment = {
            **os.environ,
            **store.environment(),
            "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        }
        self.environment |= {
            "MLFLOW_BACKEND_STORE_URI": database,
            "MLFLOW_ARTIFACTS_DESTINATION": root,
        }
        self.command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1"]
        self.command += ["--port", str(self.port), "--workers", "1"]
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
