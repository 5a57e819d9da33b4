"""Running text and pairs: from files, by `add` and the stages, to a server's answer."""

import pytest

from tests.own import journey
from tests.own.test_pairs import pairs
from tests.own.texts import english, folder


@pytest.mark.slow
def test_a_folder_of_text_becomes_a_served_model_in_two_commands(tmp_path):
    raw = folder(tmp_path, train_dot_txt=english(223), test_dot_txt=english(29, 5))
    words = ("--family", "language_model", "--minutes", "0.01")
    said = journey.add(tmp_path, "tales", raw, *words)
    assert said.returncode == 0, said.stderr
    assert "valid is the end of each file of train" in " ".join(said.stdout.split())
    with journey.served(journey.repro(tmp_path, "tales").parent) as client:
        body = {"prompt": "Ada sees", "max_tokens": 5}
        assert client.post("/v1/models/tales/generate", json=body).json()["text"]


@pytest.mark.slow
def test_aligned_files_become_a_served_model_in_two_commands(tmp_path):
    told = pairs(151)
    raw = folder(
        tmp_path,
        corpus_dot_en="\n".join(source for source, _ in told),
        corpus_dot_fr="\n".join(target for _, target in told),
    )
    words = ("--family", "seq2seq", "--minutes", "0.01")
    asked = journey.add(tmp_path, "enfr", raw, *words)
    assert asked.returncode == 2 and "which side is the source" in asked.stderr
    said = journey.add(tmp_path, "enfr", raw, *words, "--source", "en", "--target", "fr")
    assert said.returncode == 0, said.stderr
    with journey.served(journey.repro(tmp_path, "enfr").parent) as client:
        body = {"text": "I see 5 red cars."}
        assert client.post("/v1/models/enfr/translate", json=body).json()["results"]
