"""Files from elsewhere: addresses, several paths, and what is not there."""

import functools
import http.server
import sys
import threading

import boto3
import pytest
from moto.server import ThreadedMotoServer

from pipelines.add.__main__ import main
from pipelines.add.origin import stage_raw, staged_name
from repertoire.data.sources import SourceError


@pytest.fixture
def raw(tmp_path):
    (tmp_path / "raw").mkdir()
    return tmp_path / "raw"


@pytest.fixture
def there(tmp_path):
    """A folder of files to be named."""
    folder = tmp_path / "there"
    (folder / "deep").mkdir(parents=True)
    (folder / "a.csv").write_text("text,label\n", encoding="utf-8")
    (folder / "deep/b.txt").write_text("deep", encoding="utf-8")
    return folder


def names(raw):
    return sorted(p.relative_to(raw).as_posix() for p in raw.rglob("*") if p.is_file())


def test_one_file_lies_under_its_name(raw, there):
    stage_raw([str(there / "a.csv")], raw)
    assert names(raw) == ["a.csv"]


def test_of_one_folder_the_content_lies_there(raw, there):
    stage_raw([str(there)], raw)
    assert names(raw) == ["a.csv", "deep/b.txt"]
    assert not (raw / "deep").is_symlink()


def test_several_lie_beside_each_other_under_their_names(raw, there):
    stage_raw([str(there / "a.csv"), str(there / "deep")], raw)
    assert names(raw) == ["a.csv", "deep/b.txt"]


def test_two_of_one_name_are_refused(raw, there):
    with pytest.raises(SourceError, match=r"two of the files are called a\.csv"):
        stage_raw([str(there / "a.csv"), str(there / "deep" / "a.csv")], raw)


def test_messages_call_the_files_as_the_user_does(tmp_path, there, monkeypatch):
    monkeypatch.chdir(there / "deep")
    assert staged_name(["my images/"]) == "my images"
    assert staged_name(["https://a.example/b.csv?key=c"]) == "b.csv"
    assert staged_name(["a.csv", "b.csv", "c.csv"]) == "a.csv and 2 more"
    assert [staged_name([origin]) for origin in (".", "..", "/")] == ["deep", "there", "files"]
    (tmp_path / "my images").mkdir()
    monkeypatch.setattr(sys, "argv", ["add", "x", str(tmp_path / "my images")])
    sys.argv += ["--family", "autoencoder", "--dry-run"]
    with pytest.raises(SystemExit, match="add: my images: holds no image"):
        main()


def test_what_is_not_there_is_named(raw, there):
    with pytest.raises(SourceError, match="nowhere: no such file or folder"):
        stage_raw([str(there / "nowhere")], raw)


def test_a_file_is_fetched_over_http(raw, there):
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=there)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        place = f"http://127.0.0.1:{server.server_port}"
        stage_raw([f"{place}/a.csv?version=2"], raw)
        with pytest.raises(SourceError, match=r"missing\.csv: no such file; check"):
            stage_raw([f"{place}/missing.csv"], raw)
        server.shutdown()
    assert names(raw) == ["a.csv"]


def test_a_folder_is_fetched_from_s3(raw, there, monkeypatch):
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    for name, value in (
        ("AWS_ACCESS_KEY_ID", "key"),
        ("AWS_SECRET_ACCESS_KEY", "secret"),
        ("AWS_DEFAULT_REGION", "us-east-1"),
        ("AWS_ENDPOINT_URL", f"http://{host}:{port}"),
    ):
        monkeypatch.setenv(name, value)
    try:
        client = boto3.client("s3")
        client.create_bucket(Bucket="shelf")
        for name in names(there):
            client.upload_file(str(there / name), "shelf", f"books/{name}")
        stage_raw(["s3://shelf/books"], raw)
    finally:
        server.stop()
    assert names(raw) == ["a.csv", "deep/b.txt"]


def test_an_unknown_kind_of_address_is_one_line(raw):
    with pytest.raises(SourceError, match=r"nothing://x: cannot be read") as found:
        stage_raw(["nothing://x"], raw)
    assert "\n" not in str(found.value)
