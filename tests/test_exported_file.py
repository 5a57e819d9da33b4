"""What an exported file says of itself, and that its bytes depend on nothing else."""

import hashlib
import json

import numpy as np
import onnx
import pytest
import torch
from torch import nn

from repertoire.contract import Graph, Port
from repertoire.data.dataset import Dataset
from repertoire.export.onnx_file import Identity, content_sha256, export_graph, identified
from repertoire.export.verify import verify_graph
from repertoire.runtime.onnx_file import refuse_foreign_content
from repertoire.runtime.session import open_session
from repertoire.training.torch_run import TorchRun
from tests.families import small

OURS = Identity("toy_line", "0123456789ab", ("classify", "embed"), ("아니", 'ye"s'))
METADATA_PROPS = 14  # the field's number in onnx.ModelProto


def graph(name, width=3):
    torch.manual_seed(width)
    rows = Port("rows", "float32", ("batch", width))
    net = nn.Sequential(nn.Linear(width, 7), nn.Tanh(), nn.Linear(7, 5))
    return Graph(name, net, (rows,), (Port("scores", "float32", ("batch", 5)),))


def varint(data, place):
    value = shift = 0
    while True:
        value |= (data[place] & 127) << shift
        place, shift = place + 1, shift + 7
        if data[place - 1] < 128:
            return value, place


def without_metadata(content):
    """The bytes of a file but those of its metadata, cut out of the wire format by hand."""
    place, kept = 0, b""
    while place < len(content):
        start = place
        tag, place = varint(content, place)
        length, place = varint(content, place)
        place += length if tag & 7 == 2 else 0
        kept += content[start:place] if tag >> 3 != METADATA_PROPS else b""
    return kept


def test_onnxruntime_shows_whose_file_it_is():
    content = identified(export_graph(graph("scores")), OURS)
    said = open_session(content, 1).get_modelmeta()
    assert said.graph_name == "toy_line_scores" and said.producer_name == "repertoire"
    digest = hashlib.sha256(without_metadata(content)).hexdigest()
    assert said.custom_metadata_map == {
        "name": "toy_line",
        "graph": "scores",
        "version": "0123456789ab",
        "task": "classify,embed",
        "labels": '["아니", "ye\\"s"]',
        "content_sha256": digest,
    }
    model = onnx.load_from_string(content)
    assert content_sha256(model) == digest and len(model.metadata_props) == 6
    assert model.producer_version == ""


def test_a_file_without_classes_names_no_labels():
    content = identified(export_graph(graph("scores")), Identity("toy", "0" * 12, (), ()))
    said = open_session(content, 1).get_modelmeta().custom_metadata_map
    assert set(said) == {"name", "graph", "version", "task", "content_sha256"}
    assert said["task"] == ""


def test_the_same_graph_gives_the_same_bytes_in_any_order_of_exports():
    def exported(*graphs):
        return {each.name: identified(export_graph(each), OURS) for each in graphs}

    one, other = graph("scores", 3), graph("embed", 11)
    first = exported(one, other)
    assert exported(other, one) == first == exported(one, other)
    assert first["scores"] != first["embed"]


@pytest.mark.parametrize(
    ("changed", "content_too"),
    [
        (Identity("toy_line", "ba9876543210", OURS.tasks, OURS.labels), False),
        (Identity("toy_line", OURS.version, OURS.tasks, ("no", "yes")), False),
        (Identity("toy_curve", OURS.version, OURS.tasks, OURS.labels), True),
    ],
)
def test_the_digest_of_the_content_leaves_out_what_is_said_of_it(changed, content_too):
    exported = export_graph(graph("scores"))
    digests = [
        open_session(identified(exported, each), 1)
        .get_modelmeta()
        .custom_metadata_map["content_sha256"]
        for each in (OURS, changed)
    ]
    assert (digests[0] != digests[1]) == content_too


def test_other_weights_are_other_content():
    one, other = graph("scores"), graph("scores")
    with torch.no_grad():
        other.module[2].bias[3] += 0.01
    digests = {content_sha256(onnx.load_from_string(export_graph(each))) for each in (one, other)}
    assert len(digests) == 2


def test_an_identified_file_is_the_same_net_and_the_server_takes_it():
    one = graph("scores")
    content = identified(export_graph(one), OURS)
    assert verify_graph(one, content, 7, 13, 1e-5).largest_difference < 1e-5
    refuse_foreign_content(memoryview(content))
    onnx.checker.check_model(onnx.load_from_string(content), full_check=True)
    found = open_session(content, 1).run(None, {"rows": np.ones((2, 3), np.float32)})
    assert found[0].shape == (2, 5)


@pytest.mark.parametrize(
    ("facts", "labels"),
    [
        ({"kind": "labelled_texts", "classes": ["ham", "spam"]}, ["ham", "spam"]),
        ({"kind": "images", "classes": 2, "names": ["0", "1"]}, ["0", "1"]),
        ({"kind": "novelty", "names": ["benign"]}, ["benign"]),
        ({"kind": "captions", "vocabulary": 7}, []),
    ],
)
def test_the_classes_of_a_data_set_have_names(tmp_path, facts, labels):
    (tmp_path / "facts.json").write_text(json.dumps(facts))
    assert Dataset(tmp_path).labels == labels


def test_the_classes_of_small_data_sets_are_named_one_for_each(project):
    counted = {}
    for facts in sorted((project.folder / "data").glob("*/facts.json")):
        data = Dataset(facts.parent)
        classes = data.facts.get("classes")
        if classes is not None:
            counted[data.folder.name] = len(data.labels)
            assert len(data.labels) == (classes if isinstance(classes, int) else len(classes))
    assert {"digits", "digit_styles", "sentiment_snippets"} <= set(counted)


@pytest.mark.parametrize("name", ["lstm", "bag_window", "chorales_lstm", "strokes_written"])
def test_what_feedback_carries_starts_as_the_zeros_that_the_manifest_names(name, project):
    family, config, data, recipe = small(name, project.folder)
    torch.manual_seed(recipe.seed)
    graphs = family.graphs(family.build(config, data.facts).eval(), data.facts)
    first = {}

    class Recorded(TorchRun):
        def __call__(self, graph, /, *outputs, **inputs):
            first.setdefault(graph, inputs)
            return super().__call__(graph, *outputs, **inputs)

    family.evaluate(Recorded(graphs), config, data, "valid")
    states = {g.name: set(g.feedback.values()) for g in graphs if g.feedback and g.name in first}
    assert states and all(states.values())
    for graph_name, names in states.items():
        # One that is left out takes the zeros as well.
        given = names & first[graph_name].keys()
        assert not any(first[graph_name][each].any() for each in given)
