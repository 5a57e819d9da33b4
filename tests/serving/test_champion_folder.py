"""A folder of champions whose processes are killed, and one that cannot be filled."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import standins

from repertoire.runtime.errors import BadModel
from serving.registry import champion_folder, champions
from serving.registry.champion_folder import ChampionFolder
from serving.repository import Repository

STEPS = ("mkdir", "rename", "replace", "symlink", "unlink", "rmdir", "utime", "open")
Versions = dict[str, str]


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Versions:
    """Name to version: what the registry calls champions; a version is a factor of a stand-in."""
    wanted: Versions = {}
    monkeypatch.setattr(champions, "connect", lambda uri: None)
    monkeypatch.setattr(champions, "champions", lambda client: dict(wanted))

    def fetch(client: Any, uri: str, name: str, version: str, to: Path) -> Path:
        standins.doubling(to / name, float(version))
        champion_folder.check(to / name)
        champions._seal(to / name / "manifest.json", version)
        return to / name

    monkeypatch.setattr(champions, "fetch", fetch)
    return wanted


def renew(into: Path) -> Any:
    return champions.synchronise("sqlite:///there.db", into)


def served(into: Path) -> Versions:
    """What a server would serve; every copy that a link names is whole."""
    repository = Repository(into)
    repository.refresh()
    assert not repository.problems
    return {model.name: model.version for model in repository.models.values()}


def killed_at(step: int, work: Callable[[], Any]) -> bool:
    """Does the work in a child that kills itself before its `step`-th change; whether it did."""
    process = os.fork()
    if process:
        status = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
        assert status in (0, -signal.SIGKILL)
        return status != 0
    left = step
    for name in STEPS:
        done = getattr(os, name)

        def counting(*arguments: Any, done: Any = done, **more: Any) -> Any:
            nonlocal left
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return done(*arguments, **more)

        setattr(os, name, counting)
    try:
        work()
        os._exit(0)
    finally:
        os._exit(1)


def test_a_process_killed_at_any_step_leaves_every_model_whole(
    registry: Versions, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(champion_folder, "KEEP_SECONDS", -1.0)  # what was replaced goes at once
    before = {"stays": "2", "changes": "2", "goes": "2"}
    after = {"stays": "2", "changes": "3", "comes": "5"}
    registry |= before
    start = tmp_path / "start"
    renew(start)
    registry.clear()
    registry |= after
    step = 1
    while True:
        into = Path(shutil.copytree(start, tmp_path / f"{step}", symlinks=True))
        killed = killed_at(step, lambda into=into: renew(into))
        found = served(into)
        for name in {*before, *after}:
            assert found.get(name) in (before.get(name), after.get(name)), (step, name)
        assert renew(into)["problems"] == {}
        assert served(into) == after
        versions = {
            str(each.relative_to(into / ".versions")) for each in into.glob(".versions/*/*")
        }
        assert versions == {"stays/2", "changes/3", "comes/5"}
        assert not [*into.glob(".versions/.*")]
        if not killed:
            break
        step += 1
    assert step > 23


def test_a_copy_that_was_damaged_is_fetched_again(registry: Versions, tmp_path: Path) -> None:
    registry |= {"double": "3", "other": "5"}
    renew(tmp_path)
    (tmp_path / "double/onnx/scale.onnx").write_bytes(b"")
    shutil.rmtree(tmp_path / "other/onnx")
    assert renew(tmp_path)["renewed"] == ["double", "other"]
    assert served(tmp_path) == registry


def test_a_version_is_kept_for_a_while_after_it_was_replaced(
    registry: Versions, tmp_path: Path
) -> None:
    registry["double"] = "3"
    renew(tmp_path)
    old = (tmp_path / "double").resolve()
    os.utime(old, (0, 0))  # it has served since 1970
    registry["double"] = "5"
    renew(tmp_path)
    assert old.is_dir()
    minutes_ago = time.time() - champion_folder.KEEP_SECONDS - 1
    os.utime(old, (minutes_ago, minutes_ago))
    found = champions.synchronise("sqlite:///there.db", tmp_path, thorough=False)
    assert found["renewed"] == [] and not old.exists() and served(tmp_path) == registry


def test_a_look_at_a_folder_that_is_in_line_asks_for_no_lock(
    registry: Versions, tmp_path: Path
) -> None:
    registry["double"] = "3"
    renew(tmp_path)
    with ChampionFolder(tmp_path).claimed():
        found = champions.synchronise("sqlite:///there.db", tmp_path, thorough=False)
    assert found == {
        "champions": {"double": "3"},
        "renewed": [],
        "removed": [],
        "problems": {},
    }


def test_a_full_disk_is_the_problem_of_what_does_not_fit(
    registry: Versions, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry |= {"large": "3", "small": "5"}
    fetch = champions.fetch

    def full(client: Any, uri: str, name: str, version: str, to: Path) -> Path:
        if name == "large":
            raise OSError(errno.ENOSPC, "No space left on device", str(to))
        return fetch(client, uri, name, version, to)

    monkeypatch.setattr(champions, "fetch", full)
    found = renew(tmp_path)
    assert found["renewed"] == ["small"]
    assert "No space left on device" in found["problems"]["large"]
    assert "free some space" in found["problems"]["large"]
    monkeypatch.setattr(champions, "fetch", fetch)
    assert renew(tmp_path)["problems"] == {} and served(tmp_path) == registry


def test_a_file_that_cannot_be_copied_whole_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import mlflow.artifacts

    full = f"[Errno {errno.ENOSPC}] No space left on device: '/there/model.onnx'"

    def download(**_: object) -> str:
        raise shutil.Error([("/here/model.onnx", "/there/model.onnx", full)])

    class Client:
        def get_model_version_download_uri(self, name: str, version: str) -> str:
            return "file:///here"

    monkeypatch.setattr(mlflow.artifacts, "download_artifacts", download)
    with pytest.raises(BadModel) as refused:
        champions.fetch(Client(), "sqlite:///there.db", "large", "3", tmp_path)
    assert f"({full}; free some space)" in str(refused.value)


def test_a_folder_that_cannot_be_written_is_one_line_and_what_it_holds_stays(
    registry: Versions, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry["double"] = "3"
    renew(tmp_path)
    registry["double"] = "5"

    def read_only(path: str, *_: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system", path)

    monkeypatch.setattr(os, "mkdir", read_only)
    with pytest.raises(BadModel, match=r"\.versions/\.tmp-.*: Read-only file system; check the"):
        renew(tmp_path)
    assert served(tmp_path) == {"double": "3"}


def test_a_copy_of_a_file_that_is_read_only_is_sealed_by_whoever_is_not_root(
    tmp_path: Path,
) -> None:
    """MLflow copies from a local store with the modes of its files, and DVC takes away writing."""
    file = tmp_path / "manifest.json"
    file.write_text('{"format": "repertoire/1"}')
    file.chmod(0o444)
    if os.geteuid() == 0:
        os.chown(tmp_path, 10007, 10007)
        os.chown(file, 10007, 10007)
    process = os.fork()
    if not process:
        with contextlib.suppress(BaseException):
            os.chdir(tmp_path)  # the folders above may be closed to others
            if os.geteuid() == 0:
                os.setgid(10007)
                os.setuid(10007)
            champions._seal(Path("manifest.json"), "3")
            os._exit(0)
        os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) == 0
    assert json.loads(file.read_text()) == {"format": "repertoire/1", "version": "3"}
