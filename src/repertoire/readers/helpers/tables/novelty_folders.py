"""Which folders hold normal images and which anomalies, and the size they are read in."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from repertoire.config import ConfigError
from repertoire.data.doors import OptionNeeded
from repertoire.data.image_files import Channels, ImageFileError, inspect, is_colour
from repertoire.data.sources import SourceError
from repertoire.data.splits import split_called
from repertoire.readers.helpers.tables import columns as tables

NORMAL = ("good", "normal", "normals", "ok", "pass", "healthy", "nominal", "clean", "정상")
ABNORMAL = (
    *("bad", "abnormal", "anomaly", "anomalies", "anomalous", "defect", "defects", "defective"),
    *("ng", "fail", "broken", "faulty", "이상", "불량"),
)
MASKS = ("ground_truth", "groundtruth", "masks", "mask")  # where a defect lies: no images of things
SIDES = (16, 32, 64, 128)
USUAL_SIDE = 64
INSPECTED = 300  # images whose heads are looked at


def folders(raw: Path, path: Path) -> tuple[str, ...]:
    """Names of the folders that an image lies in, the outermost first."""
    return path.relative_to(raw).parts[:-1]


def group_of(raw: Path, path: Path) -> str:
    """The innermost folder that is not called after a split; "" for none, or for masks."""
    above = folders(raw, path)
    if any(folder.lower() in MASKS for folder in above):
        return ""
    return next((f for f in reversed(above) if split_called(f) is None), "")


def kinds_of_images(
    raw: Path, paths: Sequence[Path], options: Mapping[str, str]
) -> tuple[list[str], list[str], bool]:
    """Names of the normal and the other folders, and whether splits lie above them."""
    groups = sorted({group_of(raw, path) for path in paths} - {""})
    normal = _named(groups, "normal", options) or [g for g in groups if g.lower() in NORMAL]
    abnormal = _named(groups, "abnormal", options)
    if not groups or len(normal) != 1:
        there = ", ".join(groups) or "none"
        raise OptionNeeded(
            f"which folder holds normal images is not plain (folders: {there}); say which: "
            "--normal NAME"
        )
    rest = [group for group in groups if group not in normal]
    tops = {split_called(folders(raw, p)[0]) for p in paths if folders(raw, p)}
    own = {"train", "test"} <= tops
    if not abnormal:
        plain = [group for group in rest if group.lower() in ABNORMAL]
        # Below splits, or beside one normal folder, each other folder is a kind of anomaly.
        abnormal = rest if own or not plain else plain
    if not abnormal:
        raise SourceError(
            f"{raw.name}: only {normal[0]} holds images; a few images that are not normal are "
            "needed for an honest test: put them into a folder called bad"
        )
    return normal, abnormal, own


def _named(groups: Sequence[str], option: str, options: Mapping[str, str]) -> list[str]:
    found = []
    for name in (n.strip().strip("/") for n in options.get(option, "").split(",") if n.strip()):
        alike = [group for group in groups if group.lower() == name.lower()]
        if not alike:
            raise ConfigError(f"--{option} {name}: no such folder; there are: {', '.join(groups)}")
        found += alike
    return found


def chosen_size(
    raw: Path, paths: Sequence[Path], options: Mapping[str, str]
) -> tuple[int, Channels, str]:
    some = paths[:: max(1, len(paths) // INSPECTED)]
    known = []
    for path in some:
        try:
            known.append((inspect(path), is_colour(path)))
        except ImageFileError:
            continue  # it is counted where it is read
    if not known:
        raise SourceError(f"{raw.name}: none of its images can be read; save them as PNG or JPEG")
    shorter = min(min(image.width, image.height) for image, _ in known)
    longer = max(max(image.width, image.height) for image, _ in known)
    fitting = [side for side in SIDES if side <= min(shorter, USUAL_SIDE)] or [SIDES[0]]
    side = tables.whole_number(options, "side", fitting[-1])
    if not SIDES[0] <= side <= SIDES[-1]:
        raise ConfigError(f"--side {side}: give {SIDES[0]} to {SIDES[-1]} pixels")
    coloured = sum(colour for _, colour in known) / len(known)
    asked = options.get("colour", "rgb" if coloured > 0.1 else "grey")
    if asked not in ("grey", "rgb"):
        raise ConfigError(f"--colour {asked}: it is grey or rgb")
    channels: Channels = 3 if asked == "rgb" else 1
    spread = f"{shorter} to {longer} pixels" if shorter != longer else f"{shorter} pixels"
    words = (
        f"{side} x {side} {asked} ({100 * coloured:.0f} % have colours): files have sides of "
        f"{spread}; the centred square is resized; otherwise: --side, --colour"
    )
    return side, channels, words


def folder_words(
    raw: Path, paths: Sequence[Path], normal: Sequence[str], abnormal: Sequence[str]
) -> str:
    counts = dict.fromkeys((*normal, *abnormal), 0)
    for path in paths:
        counts[group_of(raw, path)] += 1
    told = [f"{name} ({counts[name]:,})" for name in abnormal]
    more = f" and {len(told) - 8} more" if len(told) > 8 else ""
    return f"normal: {normal[0]} ({counts[normal[0]]:,}); anomalies: {', '.join(told[:8])}{more}"
