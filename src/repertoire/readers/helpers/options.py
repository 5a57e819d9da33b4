"""Options of a door, as somebody types them."""

from collections.abc import Mapping, Sequence

from repertoire.config import ConfigError
from repertoire.data.doors import BadRows, FilesNeedOption


def whole_number(options: Mapping[str, str], name: str, low: int, high: int) -> int | None:
    """The number of an option; None where it is not given. Raises ConfigError."""
    text = options.get(name)
    if text is None:
        return None
    try:
        number = int(text)
    except ValueError:
        number = low - 1
    if not low <= number <= high:
        raise ConfigError(
            f"--{name}: expected a whole number from {low:,} to {high:,}, got {text!r}"
        )
    return number


def one_of(options: Mapping[str, str], name: str, choices: Sequence[str]) -> str:
    """The value of an option, the first choice where it is not given. Raises ConfigError."""
    value = options.get(name, choices[0])
    if value not in choices:
        raise ConfigError(f"--{name}: expected {' or '.join(choices)}, got {value!r}")
    return value


def refuse(bad: BadRows, what: str) -> None:
    """Raises FilesNeedOption for the first of the rows that cannot be used, if there are any."""
    if not bad.rows:
        return
    first, more = bad.rows[0], len(bad.rows) - 1
    place = first["file"] if first["row"] is None else f"{first['file']}: row {first['row']}"
    others = f" ({more:,} more such {what} among those looked at)" if more else ""
    raise FilesNeedOption(
        f"{place}: {first['reason']}{others}; correct it, or leave such {what} out "
        "(--on-bad-row drop)"
    )
