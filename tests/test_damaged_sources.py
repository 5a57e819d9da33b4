"""Every reader of published files says in one line that a file is not what it expects."""

import io
import re
import tarfile
import zipfile

import pytest

from pipelines.params import Params
from repertoire.config import parse, read_yaml
from repertoire.data.sources import Files, SourceError, expecting, unexpected
from repertoire.readers import load_reader
from tests.project import ROOT

FILES = ("params.yaml", "pipelines/benchmarks/params.yaml")
REFUSED = r"it is the pinned file, but not what the reader expects: correct `reader` or `sources`"
NO_TEXT = bytes(range(256)) * 7  # not UTF-8, no archive, no picture, no table


def pinned():
    """One data set of each reader that has sources, by the reader's name."""
    found = {}
    for file in FILES:
        params = Params(read_yaml(ROOT / file))
        for name in params.names("datasets"):
            block = params.dataset(name)
            if block.sources:
                found.setdefault(block.reader, block)
    return found


PINNED = pinned()


def zip_of(names):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name in names:
            archive.writestr(name, NO_TEXT)
    return buffer.getvalue()


def patterns(block):
    """What the config calls members of archives: glob patterns with a suffix."""
    if isinstance(block, dict):
        return [found for value in block.values() for found in patterns(value)]
    if isinstance(block, list | tuple):
        return [found for value in block for found in patterns(value)]
    return [block] if isinstance(block, str) and re.search(r"\.\w+$", block) else []


def tabulated(reader, folder, content):
    block = PINNED[reader]
    paths = {}
    for key, source in block.sources.items():
        paths[key] = folder / source.file.split("/")[-1]
        paths[key].write_bytes(content)
    module = load_reader(reader)
    config = parse(module.Config, block.config, reader)
    return module.tabulate(config, Files(paths))


def test_nearly_every_reader_without_a_door_has_pinned_sources():
    assert len(PINNED) > 30


@pytest.mark.parametrize("reader", sorted(PINNED))
def test_a_pinned_file_of_another_kind_is_one_line_that_names_what_to_correct(reader, tmp_path):
    with pytest.raises(SourceError, match=REFUSED) as caught:
        tabulated(reader, tmp_path, NO_TEXT)
    assert str(caught.value).startswith(f"{tmp_path}/") and "\n" not in str(caught.value)


@pytest.mark.parametrize("reader", sorted(r for r in PINNED if patterns(PINNED[r].config)))
def test_a_pinned_archive_whose_members_are_of_another_kind_is_told(reader, tmp_path):
    names = [pattern.replace("*", "x") for pattern in patterns(PINNED[reader].config)]
    with pytest.raises(SourceError, match=REFUSED) as caught:
        tabulated(reader, tmp_path, zip_of(dict.fromkeys(names)))
    assert "\n" not in str(caught.value)


def test_no_reader_tells_anybody_to_delete_a_file():
    texts = {path: path.read_text(encoding="utf-8") for path in (ROOT / "src").rglob("*.py")}
    assert len(texts) > 200
    assert not [path for path, text in texts.items() if re.search(r"delete it|repeat it", text)]


@pytest.mark.parametrize("error", [ValueError("two\nlines"), KeyError("x"), EOFError()])
def test_what_a_parser_raises_becomes_one_line(error, tmp_path):
    with pytest.raises(SourceError, match=REFUSED) as caught, expecting(tmp_path / "f", "a table"):
        raise error
    line = str(caught.value)
    assert line.startswith(f"{tmp_path}/f: not a table ({type(error).__name__}: ")
    assert "\n" not in line and ": )" not in line


def test_an_error_of_the_disk_is_not_blamed_on_the_content(tmp_path):
    with pytest.raises(FileNotFoundError), expecting(tmp_path / "f", "a table"):
        (tmp_path / "f").read_bytes()
    with pytest.raises(SourceError, match=REFUSED), expecting(tmp_path / "f", "a table"):
        raise tarfile.ReadError("no header")


def test_a_mistake_that_has_a_remedy_of_its_own_stays(tmp_path):
    with pytest.raises(SourceError, match=r"^why$"), expecting(tmp_path / "f", "a table"):
        raise SourceError("why")
    assert "f: two; it is the pinned file" in str(unexpected(tmp_path / "f", "two"))
