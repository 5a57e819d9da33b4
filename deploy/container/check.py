"""`python deploy/container/check.py IMAGE MODELS`: an image as an orchestrator would run it.

Starts it with podman, or with what CONTAINERS names, on a root that is read-only, without
capabilities and as user 10001. Measures its size, asks health, metrics and the example of every
task of every model, and ends it by SIGTERM. Exits with 1 and one line for what is wrong first.
"""

import json
import os
import shlex
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

COMMAND = shlex.split(os.environ.get("CONTAINERS", "podman"))
MOST = 250_000_000  # bytes of an image, unpacked
START_SECONDS, END_SECONDS = 60.0, 40.0
HARDENED = (
    *("--read-only", "--tmpfs", "/tmp:rw,noexec,nosuid,size=64m", "--user", "10001:10001"),
    *("--cap-drop", "ALL", "--security-opt", "no-new-privileges"),
)


class Wrong(Exception):
    """What is not as it should be, in one line."""


def run(*words: str) -> str:
    """What a command of podman prints. Raises Wrong."""
    done = subprocess.run([*COMMAND, *words], capture_output=True, encoding="utf-8", check=False)
    if done.returncode:
        told = (done.stderr or done.stdout).strip().splitlines()
        raise Wrong(f"{words[0]}: {told[-1] if told else f'status {done.returncode}'}")
    return done.stdout.strip()


def ask(url: str, body: object = None) -> Any:
    """The JSON of an answer, or its text. Raises Wrong for a status of an error."""
    content = None if body is None else json.dumps(body).encode()
    try:
        with urllib.request.urlopen(urllib.request.Request(url, content), timeout=60) as answer:
            text = answer.read().decode()
            return json.loads(text) if "json" in answer.headers["Content-Type"] else text
    except urllib.error.HTTPError as error:
        raise Wrong(f"{url}: {error.code} {error.read().decode()[:300]}") from None


def until_live(url: str) -> float:
    """Seconds until the server answers. Raises Wrong."""
    begun = time.monotonic()
    while time.monotonic() < begun + START_SECONDS:
        try:
            ask(f"{url}/v2/health/live")
        except OSError:
            time.sleep(0.1)
        else:
            return time.monotonic() - begun
    raise Wrong(f"no answer within {START_SECONDS:.0f} s")


def examples(url: str) -> tuple[int, int]:
    """Asks each task of each model for what it gives as an example. Returns (models, tasks)."""
    models = ask(f"{url}/v1/models")["models"]
    asked = [
        f"{url}/v1/models/{model['name']}/{task}" for model in models for task in model["tasks"]
    ]
    for address in asked:
        ask(address, ask(address)["example"])
    return len(models), len(asked)


def check(image: str, models: Path) -> None:
    """Raises Wrong."""
    size = int(run("image", "inspect", "--format", "{{.Size}}", image))
    print(f"{size / 1e6:.0f} MB")
    if size > MOST:
        raise Wrong(f"the image has {size} bytes, more than {MOST}")
    mounted = ("--volume", f"{models.resolve()}:/models:ro", "--publish", "127.0.0.1::8000")
    name = run("run", "--detach", *HARDENED, *mounted, image).splitlines()[-1]
    try:
        url = "http://" + run("port", name, "8000").splitlines()[0]
        print(f"live after {until_live(url):.1f} s")
        if not (state := ask(f"{url}/v2/health/ready"))["ready"]:
            raise Wrong(f"it is not ready: {state}")
        models_asked, tasks = examples(url)
        print(f"{models_asked} models, {tasks} tasks asked")
        if 'status="200"' not in ask(f"{url}/metrics"):
            raise Wrong("/metrics counts no request")
        run("healthcheck", "run", name)
        begun = time.monotonic()
        run("stop", "--time", str(int(END_SECONDS)), name)
        status = int(run("inspect", "--format", "{{.State.ExitCode}}", name))
        if status:
            raise Wrong(f"it ended with status {status} after SIGTERM")
        print(f"ended {time.monotonic() - begun:.1f} s after SIGTERM")
    finally:
        run("rm", "--force", name)


def main() -> int:
    if len(sys.argv) != 3 or not Path(sys.argv[2]).is_dir():
        print("usage: python deploy/container/check.py IMAGE FOLDER-OF-MODELS", file=sys.stderr)
        return 2
    try:
        check(sys.argv[1], Path(sys.argv[2]))
    except (Wrong, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
