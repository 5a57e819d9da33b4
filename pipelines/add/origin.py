"""Where somebody's files come from: paths, and addresses that fsspec knows."""

import os
from collections.abc import Sequence
from pathlib import Path

from repertoire.config import RepertoireError
from repertoire.data.sources import SourceError


def stage_raw(origins: Sequence[str], raw: Path) -> None:
    """Lay the files that ``origins`` name into the empty folder ``raw``, as links if local.

    One file under its name, the content of one folder, or several beside each other under theirs.
    Raises SourceError for what is not there or cannot be reached.
    """
    names = [_name(origin) for origin in origins]
    if doubled := sorted({name for name in names if names.count(name) > 1}):
        raise SourceError(f"two of the files are called {doubled[0]}; give them different names")
    for origin, name in zip(origins, names, strict=True):
        alone = len(origins) == 1
        if "://" in origin:
            _download(origin, raw, name, alone)
        else:
            _link(Path(origin), raw if alone and Path(origin).is_dir() else raw / name)


def staged_name(origins: Sequence[str]) -> str:
    """What messages call the files as a whole: the name of the first, and how many more."""
    first = _name(origins[0]).encode()[:150].decode(errors="ignore")  # a file system takes 255
    return first if len(origins) == 1 else f"{first} and {len(origins) - 1} more"


def _name(origin: str) -> str:
    name = Path(origin.rstrip("/").split("?")[0]).name
    return Path(origin).resolve().name or "files" if name in ("", "..") else name


def _link(path: Path, target: Path) -> None:
    """Folders are made anew and files are links, so that whoever walks finds plain folders."""
    if path.is_file():
        target.parent.mkdir(parents=True, exist_ok=True)
        target.symlink_to(path.resolve())
        return
    if not path.is_dir():
        raise SourceError(f"{path}: no such file or folder")
    for folder, _, files in os.walk(path, followlinks=True):
        place = target / Path(folder).relative_to(path)
        place.mkdir(parents=True, exist_ok=True)
        for name in files:
            (place / name).symlink_to((Path(folder) / name).resolve())


def _download(origin: str, raw: Path, name: str, alone: bool) -> None:
    # Imported late: local files need no file system but their own.
    import fsspec

    try:
        system, place = fsspec.core.url_to_fs(origin)
        folder = system.isdir(place) if not origin.startswith(("http://", "https://")) else False
        target = raw if folder and alone else raw / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if folder:
            system.get(place.rstrip("/") + "/", str(target) + "/", recursive=True)
        else:
            system.get_file(place, str(target))
    except ImportError as error:
        raise RepertoireError(f"{origin}: {error}") from None
    except FileNotFoundError:
        raise SourceError(f"{origin}: no such file; check address and keys") from None
    # File systems raise what their libraries raise: all that has no better name is out of reach.
    except Exception as error:
        said = " ".join(str(error).split()) or type(error).__name__
        raise SourceError(f"{origin}: cannot be read ({said}); check address and keys") from error
