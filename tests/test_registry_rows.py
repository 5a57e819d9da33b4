"""What people have, as MLflow hands it to a model: tables, gaps, arrays, settings and mistakes."""

import base64
import io

import mlflow
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from repertoire.runtime.wire import plain
from tests.shipped import registered

TEXTS = ["the", "a b c", "the"]


@pytest.fixture(scope="module")
def writer(project, tmp_path_factory):
    return registered("lstm", project, tmp_path_factory.mktemp("lstm"))


@pytest.fixture(scope="module")
def painter(project, tmp_path_factory):
    return registered("vae_digits", project, tmp_path_factory.mktemp("vae"))


@pytest.fixture(scope="module")
def judge(project, tmp_path_factory):
    return registered("novelty_table", project, tmp_path_factory.mktemp("novelty"))


def refusal(flow, data, **params):
    with pytest.raises(mlflow.MlflowException) as caught:
        flow.predict(data, params=params or None)
    assert caught.value.get_http_status_code() == 400
    assert "\n" not in caught.value.message
    return caught.value.message


def test_texts_of_objects_of_a_table_and_of_columns_are_answered_alike(writer):
    flow, own = writer
    expected = own.score(TEXTS)
    assert flow.predict([{"text": text} for text in TEXTS]) == expected
    assert flow.predict(pd.DataFrame({"text": TEXTS}, index=[7, 5, 7])) == expected
    assert flow.predict({"text": np.array(TEXTS, object)}) == expected


def test_a_parameter_holds_for_all_rows_and_a_seed_of_all_draws_each_by_its_place(writer):
    flow, own = writer
    told = {"task": "generate", "max_tokens": 5, "seed": 3}
    drawn = flow.predict([{"prompt": text} for text in TEXTS], params=told)
    assert drawn == own.generate(TEXTS, max_tokens=5, seed=3)
    assert [each["seed"] for each in drawn] == [3, 4, 5]


def test_a_cell_comes_before_a_parameter_and_a_gap_is_left_out(writer):
    flow, own = writer
    rows = [
        {"prompt": "a", "seed": 11, "max_tokens": 2},
        {"prompt": "a", "seed": None, "max_tokens": float("nan")},
        {"prompt": None, "seed": 11},
    ]
    expected = [
        own.generate("a", seed=11, max_tokens=2),
        own.generate("a", seed=6, max_tokens=3),
        own.generate("", seed=11, max_tokens=3),
    ]
    told = {"task": "generate", "max_tokens": 3, "seed": 5}
    assert flow.predict(rows, params=told) == expected
    assert flow.predict(pd.DataFrame(rows), params=told) == expected


def test_numbers_may_be_whole_or_not_and_spelled_as_texts(writer):
    flow, own = writer
    expected = own.generate("a", seed=3, temperature=2.0, max_tokens=2)
    for temperature, tokens in ((2, 2.0), (2.0, 2), ("2", "2"), (np.float32(2), np.int8(2))):
        row = {"prompt": "a", "seed": 3, "temperature": temperature, "max_tokens": tokens}
        assert flow.predict([row], params={"task": "generate"}) == [expected]


def test_images_are_files_in_base64_or_levels_in_lists_or_arrays(painter):
    flow, own = painter
    levels = np.arange(own.run.graph("reconstruct").inputs[0].shape[1] ** 2, dtype=np.uint8)
    levels = levels.reshape(-1, round(len(levels) ** 0.5))
    file = io.BytesIO()
    Image.fromarray(levels).save(file, "PNG")
    expected = plain(own.reconstruct(levels))
    spelled = base64.b64encode(file.getvalue()).decode()
    for image in (spelled, levels, levels.tolist(), str(levels.tolist()), file.getvalue()):
        assert flow.predict([{"images": image}]) == [expected]
    blended = plain(own.blend(images=[levels, levels[::-1]]))
    for pair in ([levels, levels[::-1]], np.stack([levels, levels[::-1]])):
        assert flow.predict([{"images": pair}], params={"task": "blend"}) == [blended]


def test_a_table_is_judged_by_the_columns_that_the_model_knows(judge):
    flow, own = judge
    [columns] = own.manifest["encodings"]["rows"]["tables"].values()
    table = pd.DataFrame([[n / 7 for n in range(len(columns))]] * 2, columns=columns)
    table.iloc[1] *= 3
    expected = own.detect(table.values.tolist())
    assert flow.predict(table) == expected
    assert flow.predict(table[columns[::-1]]) == expected
    assert flow.predict([{"rows": row} for row in table.values.tolist()]) == expected
    assert columns[0] in refusal(flow, table.drop(columns=columns[0]))


def test_a_signature_has_the_fields_and_the_columns_that_the_model_takes(writer, judge):
    told = writer[0].metadata.signature
    types = {each.name: str(each.type) for each in told.inputs.inputs}
    assert types["text"] == types["prompt"] == "DataType.string"
    assert (types["seed"], types["stop_at_end"]) == ("Any", "DataType.boolean")
    params = {each.name: (str(each.dtype), each.default) for each in told.params.params}
    assert params["task"] == ("DataType.string", "score")
    assert params["max_tokens"] == ("DataType.long", 64)
    assert params["top_p"] == ("DataType.double", 1.0)
    assert "text" not in params and "prompt" not in params
    told = judge[0].metadata.signature
    [columns] = judge[1].manifest["encodings"]["rows"]["tables"].values()
    assert set(told.inputs.input_names()) == {"rows", "normal", *columns}
    assert [each.name for each in told.params.params] == ["task", "normal"]


def test_what_cannot_be_asked_is_one_line(writer):
    flow, _ = writer
    generate = {"task": "generate"}
    assert refusal(flow, [{"prompt": "a"}], top_p=7.0, **generate) == (
        "top_p is 7.0; send a number from 0 to 1"
    )
    assert "has no task 'juggle'; its tasks are: score" in refusal(
        flow, [{"prompt": "a"}], task="juggle"
    )
    for nothing in ([{"colour": "a"}], [{}], pd.DataFrame()):
        assert refusal(flow, nothing) == (
            "no column of the input is a field of 'score'; known are text"
        )
    assert refusal(flow, [{"prompt": "a"}]) == "unknown field prompt; known are text"
    assert refusal(flow, [{"text": "a"}], seed=3) == "unknown field seed; known are text"
    rows = [{"prompt": "a"}, {"prompt": "a", "max_tokens": "ten"}]
    assert refusal(flow, rows, **generate) == (
        'row 1: max_tokens is "ten"; send a whole number from 1 to 4096'
    )
    assert flow.predict(pd.DataFrame({"text": []}, dtype=object)) == []


def test_a_model_that_is_damaged_is_no_fault_of_who_asks(project, tmp_path):
    flow, _ = registered("lstm", project, tmp_path)
    (tmp_path / "model/onnx/score.onnx").write_bytes(b"another")
    with pytest.raises(mlflow.MlflowException, match=r"score\.onnx is not what the") as caught:
        flow.predict([{"text": "a"}])
    assert caught.value.get_http_status_code() == 500
