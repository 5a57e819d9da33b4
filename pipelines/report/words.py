"""Numbers, sizes and lists as a reader expects them."""

import math

RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def number(value: float) -> str:
    """Four digits that count; thousands are set apart."""
    if value == 0:
        return "0"
    if abs(value) >= 1000:
        return f"{value:,.0f}".replace("-", "−")
    return f"{value:#.4g}".rstrip(".").replace("-", "−")


def uncertain(value: float, error: float | None) -> str:
    """A value with its standard error, of which two digits count."""
    if error is None:
        return number(value)
    places = 0 if error == 0 else max(0, 1 - math.floor(math.log10(error)))
    return f"{number(value)} ± {error:,.{places}f}"


def size(count: float) -> str:
    """Bytes in kB or MB."""
    return f"{count / 1e6:.1f} MB" if count >= 1e6 else f"{count / 1e3:.0f} kB"


def listed(names: list[str]) -> str:
    """ "a", "a and b", "a, b and c"; names that hold commas are told apart by semicolons."""
    comma = "; " if any("," in name for name in names) else ", "
    if len(names) < 2:
        return "".join(names)
    return comma.join(names[:-1]) + (";" if comma == "; " else "") + " and " + names[-1]


def small(value: float) -> str:
    """A tiny value as a power of ten."""
    if value == 0:
        return "0"
    digits, exponent = f"{value:.1e}".split("e")
    return f"{digits} × 10{str(int(exponent)).translate(RAISED)}"


def spaced(key: str) -> str:
    """A key as words."""
    return key.replace("_", " ")


def lowered(name: str) -> str:
    """A name as it stands within a sentence."""
    # A name such as "BLEU" or that of a person keeps its capitals.
    proper = name[1:2].isupper() or name.startswith("Fréchet")
    return name if proper else name[:1].lower() + name[1:]
