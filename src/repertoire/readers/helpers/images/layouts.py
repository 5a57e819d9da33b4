"""Which images a folder holds, of which split and class: by folders or by a metadata file.

The layouts of torchvision's ImageFolder (a folder a class) and of the image folders of ``datasets``
(``train/<class>/x.png``; ``metadata.csv`` or ``.jsonl`` whose column ``file_name`` is relative to
its own folder). Images without folders have no classes.
"""

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Literal

from repertoire.config import ConfigError
from repertoire.data.doors import BadRows, OptionNeeded
from repertoire.data.image_files import is_image_name, visible_files
from repertoire.data.sources import SourceError
from repertoire.data.splits import split_called
from repertoire.data.table_formats import Reading
from repertoire.data.tables import ROW, read_table

if TYPE_CHECKING:
    import pandas as pd

Labels = Literal["folders", "metadata", "none"]

METADATA = ("metadata.csv", "metadata.tsv", "metadata.jsonl", "metadata.parquet")
FILE_NAME, SPLIT = "file_name", "split"
USUAL = ("label", "labels", "class", "category", "target")  # columns that are called so
CLASSES = (2, 1000)  # least and most
ARCHIVES = frozenset((".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar"))
OTHER_IMAGES = frozenset(  # formats that are known to be images and that are not read
    (".heic", ".heif", ".avif", ".jp2", ".svg", ".psd", ".dng", ".cr2", ".nef", ".arw", ".tga")
)


@dataclass(frozen=True)
class Listed:
    """An image: its path, name relative to the folder, split and label ("" for none).

    ``listed_in`` and ``row`` are the metadata file that names it, if any.
    """

    path: Path
    file: str
    split: str = ""
    label: str = ""
    listed_in: str = ""
    row: int | None = None


@dataclass
class Folder:
    """What a folder holds. ``others`` are files that are no images and are not looked at."""

    images: list[Listed]
    others: list[str] = field(default_factory=list)
    labels: Labels = "none"
    column: str = ""
    why: str = ""  # the labels are these, or none


@dataclass(frozen=True)
class Choice:
    """Where labels come from; None: whatever the folder holds."""

    labels: Labels | None = None
    column: str = ""


def read_folder(raw: Path, choice: Choice, bad: BadRows) -> Folder:
    """All images of a folder. Raises OptionNeeded, ConfigError and SourceError."""
    base = _base(raw)
    images: list[Listed] = []
    others: list[str] = []
    tables: list[Path] = []
    for path in visible_files(base):
        name = path.relative_to(raw).as_posix()
        if path.name.lower() in METADATA:
            tables.append(path)
        elif is_image_name(path.name):
            images.append(Listed(path, name))
        elif path.suffix.lower() in OTHER_IMAGES:
            remedy = "save it as JPEG or PNG"
            bad.add(name, None, f"images of the format {path.suffix.lower()} are not read", remedy)
        else:
            others.append(name)
    if not images:
        packed = [name for name in others if Path(name).suffix.lower() in ARCHIVES]
        if packed:
            raise SourceError(f"{packed[0]}: an archive; unpack it and name its folder")
        held = f"; it holds {', '.join(others[:3])}" if others else ""
        raise SourceError(
            f"{raw.name}: holds no image (.png, .jpg, .gif, .bmp, .webp, .tif, .ppm){held}"
        )
    found = Folder(_with_splits(base, images, bad), others)
    if tables and choice.labels != "folders":
        return _by_metadata(raw, found, tables, choice, bad)
    if choice.labels == "metadata":
        raise ConfigError(f"--label {choice.column}: there is no metadata.csv in {raw.name}")
    if choice.labels == "none":
        return replace(found, why="as --label none says")
    return _by_folders(base, found, bad)


def _base(raw: Path) -> Path:
    """Below folders that hold nothing but one other: archives are often packed so."""
    while True:
        entries = [path for path in sorted(raw.iterdir()) if not path.name.startswith((".", "__"))]
        if len(entries) != 1 or not entries[0].is_dir():
            return raw
        raw = entries[0]


def _with_splits(base: Path, images: Sequence[Listed], bad: BadRows) -> list[Listed]:
    """Told by the uppermost folders, if one of these is called after training."""
    tops = [_folders(base, image)[:1] for image in images]
    if ("train",) not in {tuple(split_called(name) or "" for name in top) for top in tops}:
        return list(images)
    kept = []
    for image, top in zip(images, tops, strict=True):
        split = split_called(top[0]) if top else None
        if split is None:
            reason = "lies in no folder of a split (train, validation, test)"
            bad.add(image.file, None, reason, "move it to one")
            continue
        kept.append(replace(image, split=split))
    return kept


def _folders(base: Path, image: Listed) -> tuple[str, ...]:
    return image.path.relative_to(base).parts[:-1]


def _by_folders(base: Path, found: Folder, bad: BadRows) -> Folder:
    """The class of an image is the uppermost folder (below that of its split) it lies in."""
    names = [
        _folders(base, image)[1 if image.split else 0 :][:1] or ("",) for image in found.images
    ]
    labels = {unicodedata.normalize("NFC", name) for (name,) in names}
    named = labels - {""}
    if len(named) < CLASSES[0]:
        why = f"all lie in one folder, {named.pop()}" if named else "they lie in no folders"
        return replace(found, why=why)
    if len(named) > CLASSES[1]:
        raise OptionNeeded(
            f"{len(named):,} folders are too many for classes (at most {CLASSES[1]:,}); for images "
            "without classes: --label none"
        )
    images = []
    for image, (name,) in zip(found.images, names, strict=True):
        if name:
            images.append(replace(image, label=unicodedata.normalize("NFC", name)))
        else:
            reason = "lies beside the folders of the classes"
            bad.add(image.file, None, reason, "move it to the folder of its class")
    return replace(found, images=images, labels="folders", why="a folder is a class")


def _by_metadata(
    raw: Path, found: Folder, tables: Sequence[Path], choice: Choice, bad: BadRows
) -> Folder:
    known = {_normal(image.file): image for image in found.images}
    frames = []
    for path in tables:
        table = read_table(path, Reading())
        for wrong in table.bad:
            bad.add(wrong.file, wrong.row, wrong.reason)
        if FILE_NAME not in table.columns:
            raise SourceError(
                f"{path.relative_to(raw)}: has no column {FILE_NAME}; rename the one with the "
                f"paths of the images (there are: {', '.join(table.columns)})"
            )
        frames.append((path, table.frame))
    column, why = _label_column([frame for _, frame in frames], choice)
    images: dict[str, Listed] = {}
    for path, frame in frames:
        for row in _rows(raw, path, frame, column, known, bad):
            if row.file in images:
                bad.add(row.listed_in, row.row, f"{row.file} is listed before", "delete the row")
                continue
            images[row.file] = row
    named = {row.file for row in images.values()}
    listed_badly = {known[key].file for key in known} - named
    for file in sorted(listed_badly):
        bad.add(file, None, f"is not listed in {tables[0].name}", "list it")
    ordered = [images[file] for file in sorted(images)]
    labels: Labels = "metadata" if column else "none"
    return replace(found, images=ordered, labels=labels, column=column, why=why)


def _normal(name: str) -> str:
    return unicodedata.normalize("NFC", name)


def _label_column(frames: "Sequence[pd.DataFrame]", choice: Choice) -> tuple[str, str]:
    """The column of labels, "" for none, and why."""
    columns = [c for c in frames[0].columns if not c.startswith("_")]
    others = [c for c in columns if c not in (FILE_NAME, SPLIT)]
    if choice.labels == "none":
        return "", "as --label none says"
    if choice.column:
        if choice.column not in others:
            raise ConfigError(
                f"--label {choice.column}: no such column; there are: {', '.join(others) or 'none'}"
            )
        column, why = choice.column, f"the column {choice.column} as --label says"
    else:
        usual = [c for c in others if c.lower() in USUAL]
        candidates = usual if len(usual) == 1 else others
        if not candidates:
            return "", f"the metadata have no column besides {FILE_NAME}"
        if len(candidates) > 1:
            raise OptionNeeded(
                f"several columns could be the label: {', '.join(candidates)}; say which: --label "
                f"{candidates[0]}, or --label none"
            )
        column, why = candidates[0], f"the column {candidates[0]} of the metadata"
    count = len({str(v) for frame in frames for v in frame.get(column, ()) if str(v).strip()})
    if CLASSES[0] <= count <= CLASSES[1]:
        return column, why
    if choice.column:
        raise ConfigError(
            f"--label {column}: has {count:,} different values; a label has "
            f"{CLASSES[0]} to {CLASSES[1]:,}"
        )
    return "", f"the column {column} has {count:,} different values, which are no classes"


def _rows(
    raw: Path,
    table: Path,
    frame: "pd.DataFrame",
    column: str,
    known: Mapping[str, Listed],
    bad: BadRows,
) -> list[Listed]:
    place = PurePosixPath(table.parent.relative_to(raw).as_posix())
    listed_in = table.relative_to(raw).as_posix()
    found = []
    for record in frame.to_dict("records"):
        row = int(record[ROW])
        name = str(record[FILE_NAME]).strip().replace("\\", "/")
        image = known.get(_normal((place / name).as_posix()))
        if image is None:
            bad.add(listed_in, row, f"{FILE_NAME} {name or '(empty)'}: no such image")
            continue
        label = _cell(record[column]) if column else ""
        if column and not label:
            bad.add(listed_in, row, f"the column {column} is empty")
            continue
        split: str | None = image.split
        if not split and SPLIT in record:
            told = _cell(record[SPLIT])
            split = split_called(told)
            if split is None:
                reason = f"the split {told or '(empty)'} is none of train, validation, test"
                bad.add(listed_in, row, reason)
                continue
        assert split is not None
        found.append(replace(image, split=split, label=label, listed_in=listed_in, row=row))
    return found


def _cell(value: object) -> str:
    """The text of a cell; whole numbers that a table keeps as fractions lose the fraction."""
    if value is None or value != value:
        return ""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return _normal(str(value).strip())
