"""Great Expectations refuses every corrupted table, and says which rows are wrong."""

import numpy as np
import pytest

from repertoire.config import parse
from repertoire.data.own_expectations import own_expectations
from repertoire.data.validation import ValidationError, common, validate, with_identity
from repertoire.readers import load_reader
from tests.project import SMALL_DATA

NAMES = sorted(set(SMALL_DATA) - {"shakespeare_characters"})


@pytest.fixture(scope="module")
def tables(project):
    """Table and expectations of every small data set."""
    from pipelines.params import DatasetParams

    found = {}
    for name in NAMES:
        params = parse(DatasetParams, project.full_datasets[name], name)
        reader = load_reader(params.reader)
        config = parse(reader.Config, params.config, name)
        own = own_expectations(params.expectations, name)
        expectations = [*reader.expectations(config), *own]
        found[name] = (reader.tabulate(config, project.files(name)), expectations)
    return found


def check(name, tables, corrupt):
    table, expectations = tables[name]
    table = with_identity(corrupt(table.copy()))
    own = [c for c in tables[name][0].columns if c not in ("split", "key")]
    return validate(name, table, [*common(own), *expectations])


def setting(column, value, row=3):
    def corrupt(table):
        table[column] = table[column].astype(object)
        table.loc[table.index[row], column] = value
        return table

    return corrupt


def repeating(column):
    def corrupt(table):
        table.loc[table.index[3], column] = table.loc[table.index[5], column]
        return table

    return corrupt


def leaking(table):
    """A test row copied into train."""
    row = table[(table["split"] == "test") & table["key"].notna()].iloc[:1].copy()
    row["split"] = "train"
    import pandas as pd

    return pd.concat([table, row], ignore_index=True)


def without(split):
    return lambda table: table[table["split"] != split]


def without_a_column(table):
    return table.drop(columns=next(c for c in table if c not in ("split", "key")))


COMMON = {
    "an unknown split": (setting("split", "dev"), "every row is in a known split"),
    "a null split": (setting("split", None), "split is never null"),
    "an empty split": (without("valid"), "no split is empty"),
    "a test row in train": (leaking, "no row occurs in two splits"),
    "a missing column": (without_a_column, "the columns are as documented"),
    "an extra column": (lambda t: t.assign(extra=1), "the columns are as documented"),
}
OWN = {
    "shakespeare_words": {
        "a control character": (setting("text", "bad \x07 bell"), "alphabet"),
        "a publisher's notice": (setting("text", "Project Gutenberg etext"), "no markup"),
        "an endless passage": (setting("words", 99_999), "1 to 2,000 words"),
        "a tenth of the text": (lambda t: t.assign(words=1), "neither all titles"),
    },
    "shakespeare_vectors": {
        "a question of three words": (setting("text", "king of queen", -1), "four words"),
        "a judgement out of range": (setting("score", 11, -20), "between 0 and 10"),
        "a publisher's notice": (setting("text", "Project Gutenberg etext"), "no markup"),
        "no questions": (lambda t: t[t["set"] != "analogies"], "both sets of pairs and questions"),
        "a pair of one word": (
            lambda t: t.assign(text=t["text"].where(t["set"] != "simlex999", "king")),
            "two words",
        ),
    },
    "dates": {
        "a target that is no date": (setting("target", "2001-13-02"), "ISO 8601"),
        "a source too long": (setting("source", "x" * 99), "1 to 40 characters"),
        "an empty source": (setting("source", ""), "1 to 40 characters"),
        "one format only": (lambda t: t.assign(format="9/27/94"), "formats are balanced"),
    },
    "addition": {
        "a wrong sum": (setting("target", "1999"), "the sum is right"),
        "three terms": (setting("source", "1+2+3"), "questions add two numbers"),
        "a leading zero": (setting("source", "07+5"), "questions add two numbers"),
        "an answer in words": (setting("target", "six"), "answers are numbers"),
        "a question twice": (repeating("source"), "each question is asked once"),
    },
    "korean_strings": {
        "a translation left in English": (setting("target", "Open"), "target's script"),
        "spaces at an end": (setting("source", "Open "), "no spaces at its ends"),
    },
    "sunspots": {
        "a year twice": (lambda t: t.iloc[[0, 1, 1, *range(2, len(t))]], "strictly increasing"),
        "years in another order": (lambda t: t.iloc[[1, 0, *range(2, len(t))]], "strictly incr"),
        "a year missing": (setting("gap_days", 731), "365 to 366 days lie between"),
        "a negative count": (setting("value", -1.0), "values lie within 0 and 1000"),
        "a count that is missing": (setting("value", None), "value is never null"),
        "parts that alternate": (setting("place", 2), "splits follow one another in time"),
        "a series that stands still": (lambda t: t.assign(value=7.0), "the series moves"),
    },
    "digits": {
        "a pixel above 255": (setting("maximum", 256), "not above 255"),
        "a pixel below 0": (setting("minimum", -1), "not below 0"),
        "an unknown label": (setting("label", 11), "known classes"),
        "one class gone": (lambda t: t[t["label"] != 4], "classes are balanced"),
        "a blank image": (setting("maximum", 0), "no image is blank"),
    },
    "stacked_digits": {
        "a pixel above 255": (setting("maximum", 256), "not above 255"),
        "a fourth colour": (setting("channel", 3), "red, green or blue"),
        "a colour twice": (setting("channel", 1), "two digits of one colour"),
        "a colour gone": (lambda t: t[t["channel"] != 2], "one digit of each colour"),
    },
    "digit_scenes": {
        "a digit off the canvas": (setting("left", 29), "left of a digit lies on the canvas"),
        "a scene of four digits": (setting("digits", 4), "two or three digits"),
        "a caption of one word": (setting("caption", "seven"), "words in lower case"),
        "a caption in capitals": (setting("caption", "A SEVEN LEFT OF A TWO"), "lower case"),
        "one layout only": (lambda t: t.assign(layout="stacked"), "layouts are balanced"),
    },
    "sentiment_snippets": {
        "a rating near nought": (setting("clarity", 0.1), "nearer to 0 than 0.5"),
        "a rating off the scale": (setting("rating", 5.0), "a rating is -4 to 4"),
        "a label unknown": (setting("label", "neutral"), "one of: negative, positive"),
        "a text too long": (setting("text", "x" * 401), "1 to 400 characters"),
        "a text twice": (lambda t: t.assign(text="same"), "no text occurs twice"),
        "praise alone": (lambda t: t.assign(rating=2.3), "balance roughly"),
        "a line of two": (setting("text", "one\ntwo"), "no control characters"),
    },
    "word_order": {
        "a bag that tells": (setting("positive_share_of_bag", 1.0), "as often positive"),
        "one class alone": (lambda t: t.assign(label="positive"), "every class occurs"),
    },
    "sms_spam": {
        "spam nearly gone": (lambda t: t.assign(is_last_class=0), "the last class holds"),
        "an empty text": (setting("text", ""), "1 to 1000 characters"),
    },
    "stroke_fonts": {
        "a capital in a word": (setting("text", "aBc"), "letters of a to z"),
        "an endless word": (setting("points", 151), "2 to 61 points"),
        "a movement that is no number": (setting("farthest", float("nan")), "farthest is never"),
        "an infinite movement": (setting("farthest", float("inf")), "finite and at most"),
        "a word without a stroke": (setting("strokes", 1), "its own stroke"),
        "one font only": (lambda t: t.assign(font="rowmans"), "fonts are balanced"),
    },
    "chorales": {
        "a note below the range": (setting("lowest", 35), "no note is below the range"),
        "a note above the range": (setting("highest", 82), "no note is above the range"),
        "five notes at once": (setting("most_notes", 5), "than there are parts"),
        "a fragment": (setting("quarters", 7.5), "8 to 400 quarters"),
        "half a piece of silence": (setting("silent_share", 0.5), "hardly a frame is silent"),
        "a part that ends early": (setting("uneven", 0.5), "all parts end together"),
        "single voices": (lambda t: t.assign(notes_a_frame=1.0), "nearly full"),
        "a piece twice": (lambda t: t.assign(piece=t["piece"].iloc[0]), "there once"),
        "a note by name": (setting("chords", "60-64 C4-E4"), "chords are MIDI numbers"),
    },
}


@pytest.mark.parametrize("name", NAMES)
def test_an_untouched_table_holds_every_expectation(name, tables):
    records = check(name, tables, lambda table: table)
    assert len(records) >= 10 and all(record["success"] for record in records)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("kind", sorted(COMMON))
def test_every_table_refuses(name, kind, tables):
    corrupt, meaning = COMMON[kind]
    with pytest.raises(ValidationError, match=meaning):
        check(name, tables, corrupt)


@pytest.mark.parametrize(("name", "kind"), [(n, k) for n in OWN for k in sorted(OWN[n])])
def test_this_table_refuses(name, kind, tables):
    corrupt, meaning = OWN[name][kind]
    with pytest.raises(ValidationError, match=meaning):
        check(name, tables, corrupt)


def test_the_rows_that_failed_are_shown(tables):
    with pytest.raises(ValidationError) as caught:
        check("dates", tables, setting("target", "yesterday", row=5))
    assert "row 5" in str(caught.value) and "yesterday" in str(caught.value)
    assert np.all([len(line) < 400 for line in str(caught.value).splitlines()])
