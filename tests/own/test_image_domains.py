"""Two domains without pairs: CycleGAN's folders or any two, clean and dirty, to a server."""

import base64
import io
import json
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from pipelines.declared import declared
from pipelines.report.limits import limits
from repertoire.config import ConfigError, parse
from repertoire.contract import load_family
from repertoire.data.sources import Files, SourceError
from repertoire.data.validation import ValidationError, common, validate, with_identity
from repertoire.families.cyclegan.config import Config
from repertoire.families.cyclegan.presets import preset
from repertoire.kinds.image_domains import baselines as domain_baselines
from repertoire.kinds.image_domains.metrics import domain_measurement, spaces_of
from repertoire.metrics.uncertainty import values
from repertoire.readers import domain_folders
from tests.own.image_folders import domains, drawing, negative, save
from tests.own.journey import add, repro, served

FOLDERS = {"trainA": 31, "trainB": 37, "testA": 11, "testB": 13}


def proposed(tmp_path, **options):
    given = {key.replace("_", "-"): value for key, value in options.items()}
    return domain_folders.propose(tmp_path / "raw", given)


def parsed(proposal):
    return parse(domain_folders.Config, json.loads(json.dumps(proposal.config)), "test")


def tabulated(tmp_path, proposal):
    return domain_folders.tabulate(parsed(proposal), Files({"raw": tmp_path / "raw"}))


def checked(proposal, table):
    table = with_identity(table)
    columns = [c for c in table.columns if c not in ("row", "split", "key", "splits_of_key")]
    expectations = domain_folders.expectations(parsed(proposal))
    return validate("domains", table, [*common(columns), *expectations])


class Data:
    """What ``encode`` gives, as a data set."""

    def __init__(self, tmp_path, proposal):
        table = tabulated(tmp_path, proposal)
        checked(proposal, table)
        self.encoded = domain_folders.encode(parsed(proposal), table)
        self.facts = self.encoded.facts

    def arrays(self, name):
        return self.encoded.arrays[name]


def sentence(proposal, of):
    return next(fact.sentence for fact in proposal.facts if fact.of == of)


def png(pixels):
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return base64.b64encode(file.getvalue()).decode()


@pytest.fixture
def raw(tmp_path):
    (tmp_path / "raw").mkdir()
    return tmp_path / "raw"


def test_folders_of_cyclegan_become_a_served_translator_in_two_commands(tmp_path):
    folder = domains(tmp_path / "discs", FOLDERS)
    said = add(tmp_path, "discs", folder, "--family", "cyclegan", "--minutes", "0.02")
    assert said.returncode == 0, said.stderr
    assert "A has 42 images, B 50; a net each way is learned" in said.stdout
    artifacts = repro(tmp_path, "discs")
    found = json.loads((artifacts / "evaluation/results.json").read_text())
    assert "principal_frechet_distance" in found["test"]
    assert not {"frechet_distance", "class_kept_percent"} & set(found["test"])
    assert found["gate"]["baseline"].endswith("principal_frechet_distance")
    manifest = json.loads((artifacts / "manifest.json").read_text())
    assert manifest["facts"]["left_out"]["class_kept_percent"].startswith("the images have no")
    with served(artifacts.parent) as client:
        url = "/v1/models/discs/translate_image"
        image = png(drawing(np.random.default_rng(1), 16))
        for direction in ("a_to_b", "b_to_a"):
            body = {"images": [image], "direction": direction}
            [answer] = client.post(url, json=body).json()["results"]
            opened = Image.open(io.BytesIO(base64.b64decode(answer["image"])))
            assert opened.size == (16, 16) and opened.mode == "RGB"
        body = {"images": [png(drawing(np.random.default_rng(1), 19))]}
        [larger] = client.post(url, json=body).json()["results"]  # is resized, as in training
        assert Image.open(io.BytesIO(base64.b64decode(larger["image"]))).size == (16, 16)


@pytest.mark.parametrize(
    ("counts", "names", "told"),
    [
        (FOLDERS, ["A", "B"], True),
        ({"A": 31, "B": 37}, ["A", "B"], False),
        ({"train/A": 31, "train/B": 37, "test/A": 11, "test/B": 13}, ["A", "B"], True),
        ({"cats": 31, "dogs": 37}, ["cats", "dogs"], False),
        (
            {"cats/train": 31, "dogs/train": 37, "cats/test": 11, "dogs/test": 13},
            ["cats", "dogs"],
            True,
        ),
    ],
)
def test_every_layout_gives_both_domains_in_all_splits(raw, tmp_path, counts, names, told):
    domains(raw, counts)
    proposal = proposed(tmp_path)
    data = Data(tmp_path, proposal)
    assert proposal.config["domains"] == names and proposal.rows == sum(counts.values())
    assert ("as folders tell" in sentence(proposal, "split")) == told
    for split in ("train", "valid", "test"):
        arrays = data.arrays(split)
        assert len(arrays["a"]) and len(arrays["b"]) and arrays["a"].shape[1:] == (16, 16, 3)
    if told:
        assert [len(data.arrays("test")[d]) for d in "ab"] == [11, 13]


def test_two_folders_named_on_the_command_line_are_the_domains(tmp_path):
    domains(tmp_path, {"photos": 23, "drawings": 29})
    words = ("--family", "cyclegan", "--minutes", "0.01", "--dry-run")
    said = add(tmp_path, "mine", tmp_path / "photos", tmp_path / "drawings", *words)
    assert said.returncode == 0, said.stderr
    assert "A is drawings (29 images), B is photos (23)" in said.stdout


def striped(folder, names, count=32, side=16):
    """Folders below both domains: stripes along and across, which any classifier learns."""
    rng = np.random.default_rng(11)
    for domain, low in (("A", 0), ("B", 90)):
        for number in range(count):
            across = number % 2
            image = rng.integers(low, low + 60, (side, side))
            image[(slice(None), slice(0, 8)) if across else (slice(0, 8), slice(None))] += 100
            save(folder / domain / names[across] / f"{number}.png", image.astype(np.uint8))


def test_folders_below_both_domains_are_classes_that_a_classifier_keeps(raw, tmp_path):
    striped(raw, ("down", "right"), 64)
    proposal = proposed(tmp_path)
    assert sentence(proposal, "classes").startswith("2, a folder each: down, right")
    assert proposal.config["colour"] == "grey" and proposal.baseline["ridges"]
    data = Data(tmp_path, proposal)
    assert data.facts["names"] == ["down", "right"] and data.facts["left_out"] == {}
    test = data.arrays("test")
    lighter = {"a_to_b": test["a"] + np.uint8(90), "b_to_a": test["b"] - np.uint8(90)}
    found = values([domain_measurement(lighter, test, spaces_of(data), paired=False)])
    assert found["class_kept_percent"] > 80 and "frechet_distance" in found
    baselines = domain_baselines.baselines(
        parse(domain_baselines.Config, {"ridges": [10.0]}, "test"), data
    )
    assert "transport_frechet_distance" in baselines
    assert preset(data.facts, 100).metric == "frechet_distance"


def test_classes_that_a_classifier_only_guesses_are_left_out_and_facts_say_why(raw, tmp_path):
    rng = np.random.default_rng(13)
    for domain in ("A", "B"):
        for number in range(64):
            noise = rng.integers(0, 256, (16, 16)).astype(np.uint8)
            save(raw / domain / ("one", "two")[number % 2] / f"{number}.png", noise)
    data = Data(tmp_path, proposed(tmp_path))
    reasons = data.facts["left_out"]
    assert set(reasons) == {"frechet_distance", "class_kept_percent", "transport"}
    assert "guesses: it is right of" in reasons["class_kept_percent"]
    assert preset(data.facts, 100).metric == "principal_frechet_distance"
    recipe = SimpleNamespace(seed=1, training=SimpleNamespace(epochs=1))
    said = " ".join(
        limits(
            {**data.facts, "kind": "image_domains"},
            {},
            recipe,
            declared("cyclegan", "image_domains"),
        )
    )
    assert "principal components" in said and "guesses: it is right of" in said
    config = parse(domain_baselines.Config, {"ridges": [10.0]}, "test")
    found = domain_baselines.baselines(config, data)
    assert not [name for name in found if "transport" in name or "class_kept" in name]


@pytest.mark.parametrize(
    ("below", "options", "why"),
    [
        ((("one", "two"), ("one", "three")), {}, "the folders below both domains differ"),
        ((("one",), ("one",)), {}, "all images lie in one folder, one"),
        ((("one", "two"), ("one", "two")), {"label": "none"}, "as --label none says"),
        ((("",), ("",)), {}, "the images of a domain lie in one folder"),
    ],
)
def test_folders_that_are_no_classes_are_told(raw, tmp_path, below, options, why):
    domains(raw, {"A": 24}, below=below[0])
    domains(raw, {"B": 24}, below=below[1])
    proposal = proposed(tmp_path, **options)
    assert sentence(proposal, "classes").startswith(f"none: {why}".replace("none: as", "none, as"))
    assert proposal.config["classes"] == [] and len(tabulated(tmp_path, proposal)) == 48


def test_domains_without_classes_are_compared_by_what_a_baseline_cannot_win_by_construction(
    raw, tmp_path
):
    domains(raw, {"trainA": 41, "trainB": 43, "testA": 17, "testB": 19})
    data = Data(tmp_path, proposed(tmp_path))
    found = domain_baselines.baselines(
        parse(domain_baselines.Config, {"ridges": None}, "test"), data
    )
    names = {"identity", "histogram", "mean_colour", "nearest_neighbour", "real_halves"}
    assert {key.removesuffix("_principal_frechet_distance") for key in found} >= names
    test = data.arrays("test")
    exchanged = {"a_to_b": test["b"], "b_to_a": test["a"]}
    best = values([domain_measurement(exchanged, test, spaces_of(data), paired=False)])
    assert best["principal_frechet_distance"] == pytest.approx(0, abs=1e-6)
    assert found["identity_principal_frechet_distance"] > 5


def test_the_mean_colour_and_the_nearest_image_are_those_of_the_other_domain():
    rng = np.random.default_rng(3)
    first = rng.integers(0, 100, (31, 5, 5, 3)).astype(np.uint8)
    second = rng.integers(100, 200, (37, 5, 5, 3)).astype(np.uint8)
    moved = domain_baselines.mean_colour(first, second)(first)
    assert moved.mean((0, 1, 2)) == pytest.approx(second.mean((0, 1, 2)), abs=0.6)
    near = domain_baselines.nearest_image(first, second)(second[[7, 3]] - np.uint8(2))
    assert np.array_equal(near, second[[7, 3]])


def test_what_is_tested_on_is_in_no_other_split_of_either_domain(raw, tmp_path):
    domains(raw, FOLDERS)
    twin = (raw / "testA/05.png").read_bytes()
    for name in ("trainA/twin.png", "trainB/twin.png"):
        (raw / name).write_bytes(twin)
    proposal = proposed(tmp_path)
    table = tabulated(tmp_path, proposal)
    assert not {"trainA/twin.png", "trainB/twin.png"} & set(table["file"])
    assert "2 images equal others; 2 are left out" in sentence(proposal, "repeated")
    checked(proposal, table)
    table.loc[table["file"] == "trainA/07.png", "key"] = table.loc[
        table["file"] == "testA/05.png", "key"
    ].item()
    table.loc[table["file"] == "trainA/07.png", "split"] = "train"
    with pytest.raises(ValidationError, match="no row occurs in two splits"):
        checked(proposal, table)


@pytest.mark.parametrize(
    ("name", "content", "line"),
    [
        ("trainA/99.png", b"no image", r"trainA/99\.png is not an image"),
        ("trainB/99.jpg", b"", r"trainB/99\.jpg is empty"),
        ("99.png", None, r"99\.png lies in no folder of a split"),
        ("train/99.png", None, r"train/99\.png lies in neither domain's folder"),
    ],
)
def test_a_file_that_cannot_be_used_is_named_or_left_out(raw, tmp_path, name, content, line):
    domains(raw, FOLDERS)
    if content is None:
        save(raw / name, np.zeros((19, 19, 3), np.uint8))
    else:
        (raw / name).write_bytes(content)
    with pytest.raises(SourceError, match=f"{line}.*--on-bad-row drop"):
        proposed(tmp_path)
    table = tabulated(tmp_path, proposed(tmp_path, on_bad_row="drop"))
    assert len(table) == 92 and [row["file"] for row in table.attrs["dropped"]] == [name]


def test_images_of_any_size_mode_and_orientation_become_one(raw, tmp_path):
    domains(raw, {"A": 23, "B": 23})
    tall = np.zeros((40, 24, 3), np.uint8)
    tall[:8] = 255  # upright, the bright part is above; the file holds it turned
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = Image.fromarray(np.rot90(tall).copy())
    turned.save(raw / "A/90.png", exif=exif)
    Image.fromarray(tall + np.uint8(90)).convert("CMYK").save(raw / "A/91.jpg")
    Image.fromarray(tall).convert("P").save(raw / "B/92.gif")
    levels = np.full((24, 24), 40_000, np.uint16)
    levels[0, 0] = 0
    Image.fromarray(levels).save(raw / "B/93.png")
    clear = np.zeros((24, 24, 4), np.uint8)
    clear[0, 0] = (70, 70, 70, 255)
    Image.fromarray(clear).save(raw / "B/94.png")
    for name in (".DS_Store", "A/Thumbs.db", "__MACOSX/A/._00.png"):
        (raw / name).parent.mkdir(parents=True, exist_ok=True)
        (raw / name).write_bytes(b"\0")
    proposal = proposed(tmp_path, side="24")
    table = tabulated(tmp_path, proposal).set_index("file")
    assert len(table) == 51
    pixels = {name: table.loc[name, "pixels"].reshape(24, 24, 3) for name in table.index}
    assert pixels["A/90.png"].max() == 0  # the square in the middle is below the bright part
    assert pixels["B/93.png"][5, 5].tolist() == [156] * 3  # 40,000 / 257
    assert pixels["B/94.png"][0, :2].tolist() == [
        [70] * 3,
        [255] * 3,
    ]  # transparent pixels are laid on white


def test_folders_that_are_no_domains_and_too_few_images_are_refused(raw, tmp_path):
    domains(raw, {"one": 23, "two": 23, "three": 23})
    with pytest.raises(SourceError, match="holds no two domains; lay their images in trainA"):
        proposed(tmp_path)
    domains(tmp_path / "few/raw", {"A": 7, "B": 23})
    with pytest.raises(SourceError, match="7 images of A can be used; it takes 20"):
        proposed(tmp_path / "few")


def test_a_wrong_option_is_told(raw, tmp_path):
    domains(raw, {"A": 23, "B": 23})
    for options, line in (
        ({"label": "column"}, "--label column: takes folder or none"),
        ({"side": "130"}, "--side 130"),
        ({"valid_share": "x"}, "--valid-share x"),
    ):
        with pytest.raises(ConfigError, match=line):
            proposed(tmp_path, **options)


@pytest.mark.parametrize("colours", [1, 3])
@pytest.mark.parametrize("side", [16, 20, 28, 36, 64, 100, 128])
def test_presets_build_for_every_size_and_colour(side, colours):
    facts = {"side": side, "colours": colours, "shift": 1, "mirrored": False}
    for rows in (20, 307, 50_000):
        facts["training_images"] = {"a": rows // 2, "b": rows - rows // 2}
        found = preset(facts, rows)
        config = parse(Config, found.config, "preset")
        assert config.batch <= rows // 2 and config.past >= config.batch and found.epochs >= 1
    family = load_family("cyclegan")
    family.graphs(family.build(config, facts), facts)


def test_large_images_are_made_smaller_for_their_evaluation_classifier(raw, tmp_path):
    striped(raw, ("down", "right"), 40, side=64)
    data = Data(tmp_path, proposed(tmp_path, side="64"))
    if data.facts["left_out"]:
        pytest.fail(str(data.facts["left_out"]))
    spaces = spaces_of(data)
    assert spaces["a"].reduction == 2 and len(spaces["a"].layers[0][0]) == 32 * 32
    assert spaces["a"].features(negative(data.arrays("test")["a"])).shape[1] == 64
