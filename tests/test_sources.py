"""Files from outside are pinned, and every trouble with them is one clear line."""

import gzip
import hashlib
import io
import tarfile
import zipfile

import pytest

from repertoire.data.files import whole_file, whole_folder, write_json
from repertoire.data.sources import Source, SourceError, fetch, members

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
    with pytest.raises(SourceError, match=r"x\.txt: sha256 .* is not the pinned .* replace"):
        fetch(source())


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


def test_a_distribution_is_found_by_pips_own_settings(folders, monkeypatch):
    wheel = folders / "mirror" / "carrier-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("carrier/data.txt", CONTENT)
    content = wheel.read_bytes()
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_INDEX_URL", (folders / "empty").as_uri())
    monkeypatch.setenv("PIP_EXTRA_INDEX_URL", "")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folders / "mirror"))
    monkeypatch.setenv("REPERTOIRE_MIRROR", "")
    carrier = Source("pypi: carrier==1.0", wheel.name, hashlib.sha256(content).hexdigest(), "none")
    path = fetch(carrier)
    assert path.read_bytes() == content and "cache" in path.parts
    wheel.unlink()
    assert fetch(carrier) == path


def test_a_damaged_cache_entry_is_refused(folders):
    pinned = source()
    cached = folders / "cache" / pinned.sha256[:16] / "x.txt"
    cached.parent.mkdir(parents=True)
    cached.write_bytes(CONTENT[:-1])
    with pytest.raises(SourceError, match="delete it and repeat"):
        fetch(pinned)


def tar_bytes():
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name in ("a/b/one.txt", "a/b/two.txt", "a/b/other.md"):
            info = tarfile.TarInfo(name)
            info.size = 3000
            tar.addfile(info, io.BytesIO(bytes(range(250)) * 12))
    return buffer.getvalue()


def test_members_are_read_by_pattern_in_order(tmp_path):
    path = tmp_path / "x.tar.gz"
    path.write_bytes(tar_bytes())
    assert [name for name, _ in members(path, "a/b/*.txt")] == ["a/b/one.txt", "a/b/two.txt"]
    with pytest.raises(SourceError, match=r"no member matches \*\.csv"):
        list(members(path, "*.csv"))


@pytest.mark.parametrize("kept", [0.2, 0.3, 0.5])
def test_a_truncated_tar_is_refused(tmp_path, kept):
    content = gzip.compress(gzip.decompress(tar_bytes()), compresslevel=0)
    path = tmp_path / "x.tar.gz"
    path.write_bytes(content[: int(len(content) * kept)])
    with pytest.raises(SourceError, match=r"x\.tar\.gz: damaged or truncated archive"):
        list(members(path, "*/*.txt"))


def test_a_truncated_zip_is_refused(tmp_path):
    path = tmp_path / "x.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.txt", CONTENT * 99)
    path.write_bytes(path.read_bytes()[:-31])
    with pytest.raises(SourceError, match="damaged or truncated"):
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


def test_numbers_that_json_lacks_are_refused(tmp_path):
    with pytest.raises(ValueError, match="Out of range"):
        write_json(tmp_path / "x.json", {"loss": float("nan")})
    assert not (tmp_path / "x.json").exists()
