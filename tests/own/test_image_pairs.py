"""Pairs of images: side by side or in two folders, clean and dirty, to a served translator."""

import base64
import io
import json
import unicodedata

import numpy as np
import pytest
from PIL import Image

from repertoire.config import ConfigError, parse
from repertoire.contract import load_family
from repertoire.data.sources import Files, SourceError
from repertoire.data.validation import common, validate, with_identity
from repertoire.families.pix2pix.config import Config
from repertoire.families.pix2pix.presets import preset
from repertoire.kinds.image_pairs import baselines as pair_baselines
from repertoire.readers import paired_images
from tests.own.image_folders import drawing, negative, save, side_by_side, two_folders
from tests.own.journey import add, repro, served


def proposed(tmp_path, **options):
    given = {key.replace("_", "-"): value for key, value in options.items()}
    return paired_images.propose(tmp_path / "raw", given)


def tabulated(tmp_path, proposal):
    config = parse(paired_images.Config, json.loads(json.dumps(proposal.config)), "test")
    return paired_images.tabulate(config, Files({"raw": tmp_path / "raw"}))


def encoded(tmp_path, proposal):
    config = parse(paired_images.Config, proposal.config, "test")
    table = with_identity(tabulated(tmp_path, proposal))
    columns = [c for c in table.columns if c not in ("row", "split", "key", "splits_of_key")]
    validate("pairs", table, [*common(columns), *paired_images.expectations(config)])
    return paired_images.encode(config, table)


def sentence(proposal, of):
    return next(fact.sentence for fact in proposal.facts if fact.of == of)


def all_of(found, name):
    return np.concatenate([found.arrays[s][name] for s in ("train", "valid", "test")])


@pytest.fixture
def raw(tmp_path):
    (tmp_path / "raw").mkdir()
    return tmp_path / "raw"


def png(pixels, mode=None):
    file = io.BytesIO()
    image = Image.fromarray(pixels)
    (image.convert(mode) if mode else image).save(file, "PNG")
    return base64.b64encode(file.getvalue()).decode()


def opened(text):
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(text))))


def test_pairs_side_by_side_become_a_served_translator_in_two_commands(tmp_path):
    folder = side_by_side(tmp_path / "facades", {"train": 29, "val": 7, "test": 7})
    said = add(tmp_path, "facades", folder, "--family", "pix2pix", "--minutes", "0.02")
    assert said.returncode == 0, said.stderr
    assert "43: A is the left half of a file, B the right one" in said.stdout
    artifacts = repro(tmp_path, "facades")
    metrics = json.loads((artifacts / "evaluation/results.json").read_text())
    assert set(metrics["test"]) == {"l1_levels", "ssim"}
    image = drawing(np.random.default_rng(1), 16)
    with served(artifacts.parent) as client:
        url = "/v1/models/facades/translate_image"
        [answer] = client.post(url, json={"images": [png(image)]}).json()["results"]
        assert opened(answer["image"]).shape == (16, 16, 3)
        grey = client.post(url, json={"images": [png(image, "L")]})
        assert grey.status_code == 200
        large = client.post(url, json={"images": [png(drawing(np.random.default_rng(1), 19))]})
        [larger] = large.json()["results"]  # is resized, as in training
        assert opened(larger["image"]).shape == (16, 16, 3)


@pytest.mark.parametrize(("direction", "first"), [("AtoB", "A"), ("BtoA", "B")])
def test_the_direction_says_which_half_goes_in(raw, tmp_path, direction, first):
    side_by_side(raw, {"": 31}, side=16)
    proposal = proposed(tmp_path, direction=direction)
    found = encoded(tmp_path, proposal)
    sources, targets = (all_of(found, name) for name in ("sources", "targets"))
    assert np.array_equal(sources, negative(targets)) and sources.shape == (31, 16, 16, 3)
    left = {np.array(Image.open(p))[:, :16].tobytes() for p in raw.glob("*.png")}
    assert ({image.tobytes() for image in sources} == left) == (direction == "AtoB")
    assert sentence(proposal, "direction").startswith(f"{direction}: {first} goes in")


@pytest.mark.parametrize(
    ("names", "told"),
    [
        (("A", "B"), False),
        (("a/train", "b/train"), True),
        (("train/A", "train/B"), True),
        (("trainA", "trainB"), True),
        (("edges", "photos"), False),
    ],
)
def test_files_of_equal_names_in_two_folders_are_pairs(raw, tmp_path, names, told):
    two_folders(raw, names, 29, side=16)
    proposal = proposed(tmp_path)
    assert proposal.config["layout"] == "folders" and proposal.rows == 29
    found = encoded(tmp_path, proposal)
    assert np.array_equal(all_of(found, "sources"), negative(all_of(found, "targets")))
    assert ("as folders tell: train 29" in sentence(proposal, "split")) == told
    assert all(len(found.arrays[split]["sources"]) for split in ("train", "valid", "test"))


def test_two_folders_named_on_the_command_line_are_a_and_b(tmp_path):
    two_folders(tmp_path, ("photos", "edges"), 23)
    words = ("--family", "pix2pix", "--minutes", "0.01", "--dry-run")
    said = add(tmp_path, "mine", tmp_path / "photos", tmp_path / "edges", *words)
    assert said.returncode == 0, said.stderr
    assert "23: files of equal names in the folders edges (A) and photos (B)" in said.stdout


def test_names_match_whatever_their_format_and_the_composition_of_their_letters(raw, tmp_path):
    two_folders(raw, ("A", "B"), 23, side=16)
    image = drawing(np.random.default_rng(7), 16)
    save(raw / "A" / (unicodedata.normalize("NFD", "가나") + ".png"), image)
    save(raw / "B" / (unicodedata.normalize("NFC", "가나") + ".bmp"), negative(image))
    found = encoded(tmp_path, proposed(tmp_path))
    assert len(all_of(found, "sources")) == 24
    assert np.array_equal(all_of(found, "sources"), negative(all_of(found, "targets")))


def test_both_images_of_a_pair_are_cut_alike(raw, tmp_path):
    rng = np.random.default_rng(2)
    for number in range(23):
        # A dark column in the middle, and marks that the cut to a square removes.
        image = np.full((32, 64, 3), 200, np.uint8)
        image[:, 31:33] = rng.integers(0, 50)
        image[:, :8] = image[:, -8:] = 0
        save(raw / "A" / f"{number}.png", image)
        small = np.array(Image.fromarray(negative(image)).resize((32, 16), Image.Resampling.BOX))
        save(raw / "B" / f"{number}.png", small)
    found = encoded(tmp_path, proposed(tmp_path, side="16"))
    sources, targets = (all_of(found, name).astype(int) for name in ("sources", "targets"))
    assert (sources[:, :, [0, -1]] > 150).all()  # the marks lie outside of the square
    assert np.abs(sources - (255 - targets)).mean() < 6


def test_grey_and_coloured_images_of_one_folder_become_coloured_and_grey_ones_stay_grey(
    raw, tmp_path
):
    rng = np.random.default_rng(4)
    for number in range(23):
        image = drawing(rng, 16)
        save(raw / "A" / f"{number}.png", np.array(Image.fromarray(image).convert("L")))
        save(raw / "B" / f"{number}.png", image)
    proposal = proposed(tmp_path)
    found = encoded(tmp_path, proposal)
    assert proposal.config["colour"] == "rgb" and found.facts["colours"] == 3
    sources = all_of(found, "sources")
    assert sources.shape[1:] == (16, 16, 3) and np.array_equal(sources[..., 0], sources[..., 2])
    grey = encoded(tmp_path, proposed(tmp_path, colour="grey"))
    assert all_of(grey, "targets").shape[1:] == (16, 16) and grey.facts["colours"] == 1


def test_equal_pairs_stay_together_and_what_is_tested_on_is_not_trained_on(raw, tmp_path):
    side_by_side(raw, {"train": 29, "test": 7})
    twin = (raw / "test/03.png").read_bytes()
    (raw / "train/twin.png").write_bytes(twin)
    (raw / "train/again.png").write_bytes((raw / "train/00.png").read_bytes())
    proposal = proposed(tmp_path)
    assert "2 pairs equal others; 2 are left out" in sentence(proposal, "repeated")
    table = tabulated(tmp_path, proposal)
    assert table["key"].is_unique and "train/twin.png" not in set(table["file"])
    assert (table["split"] == "test").sum() == 7 and (table["split"] == "valid").sum() >= 1


def test_pairs_with_equal_sources_are_in_one_split(raw, tmp_path):
    rng = np.random.default_rng(8)
    for number in range(29):
        save(raw / "A" / f"{number}.png", np.full((16, 16, 3), 10 * (number // 3), np.uint8))
        save(raw / "B" / f"{number}.png", drawing(rng, 16))
    table = tabulated(tmp_path, proposed(tmp_path))
    sources = [pixels.tobytes() for pixels in table["pixels"]]
    assert table.groupby(sources)["split"].nunique().max() == 1 and len(set(sources)) == 10


def spoiled(raw, kind):
    """A folder of 23 pairs and a bad file; returns the line that names it."""
    if kind == "odd":
        side_by_side(raw, {"": 23}, side=20)
        save(raw / "99.png", np.zeros((20, 41, 3), np.uint8))
        return r"99\.png is 41 pixels wide, an odd number"
    two_folders(raw, ("A", "B"))
    if kind == "alone":
        save(raw / "A/99.png", np.zeros((19, 19, 3), np.uint8))
        return r"A/99\.png has no partner of the same name in B"
    if kind == "proportions":
        save(raw / "A/99.png", np.zeros((19, 19, 3), np.uint8))
        save(raw / "B/99.png", np.zeros((19, 31, 3), np.uint8))
        return r"A/99\.png has 19 x 19 pixels and its partner 31 x 19, which are other"
    if kind == "text":
        save(raw / "A/99.png", np.zeros((19, 19, 3), np.uint8))
        (raw / "B/99.png").write_text("no image at all")
        return r"B/99\.png is not an image"
    if kind == "cut":
        content = (raw / "B/07.png").read_bytes()
        (raw / "B/07.png").write_bytes(content[: len(content) // 2])
        return r"B/07\.png is damaged or cut off"
    if kind == "twice":
        save(raw / "B/07.bmp", np.zeros((19, 19, 3), np.uint8))
        return r"B/07\.png has the same name as B/07\.bmp"
    save(raw / "99.png", np.zeros((19, 19, 3), np.uint8))
    return r"99\.png lies in neither folder of a side"


@pytest.mark.parametrize("kind", ["odd", "alone", "proportions", "text", "cut", "twice", "beside"])
def test_a_file_that_cannot_be_used_is_named_or_left_out_and_listed(raw, tmp_path, kind):
    line = spoiled(raw, kind)
    with pytest.raises(SourceError, match=f"{line}.*--on-bad-row drop"):
        proposed(tmp_path)
    proposal = proposed(tmp_path, on_bad_row="drop")
    assert "1 of" in sentence(proposal, "unusable")
    table = tabulated(tmp_path, proposal)
    [dropped] = table.attrs["dropped"]
    left = {"cut": 22, "twice": 23}.get(kind, 23)
    assert len(table) == left and dropped["file"] not in set(table["partner"])


def test_a_bad_file_that_comes_later_is_named_by_the_stage(raw, tmp_path):
    two_folders(raw, ("A", "B"))
    proposal = proposed(tmp_path)
    save(raw / "A/99.png", np.zeros((19, 19, 3), np.uint8))
    with pytest.raises(SourceError, match=r"A/99\.png has no partner .* add it, or leave"):
        tabulated(tmp_path, proposal)


def test_hidden_files_and_other_files_are_no_images(raw, tmp_path):
    side_by_side(raw, {"train": 29})
    for name in (".DS_Store", "train/Thumbs.db", "train/._00.png", "__MACOSX/train/._00.png"):
        (raw / name).parent.mkdir(parents=True, exist_ok=True)
        (raw / name).write_bytes(b"\0\0\0\1")
    (raw / "README.txt").write_text("about")
    proposal = proposed(tmp_path)
    assert proposal.rows == 29 and len(tabulated(tmp_path, proposal)) == 29
    assert sentence(proposal, "other files") == "1 are not looked at: README.txt"


def test_square_images_alone_are_told_what_pairs_look_like(raw, tmp_path):
    for number in range(23):
        save(raw / f"{number}.png", np.full((19, 19, 3), number, np.uint8))
    with pytest.raises(SourceError, match=r"no two images side by side; .* two folders A and B"):
        proposed(tmp_path)


def test_splits_without_training_and_too_few_pairs_are_refused(raw, tmp_path):
    side_by_side(raw, {"val": 23})
    with pytest.raises(SourceError, match="none for training; call it train"):
        proposed(tmp_path)
    side_by_side(raw, {"train": 5})
    for path in (raw / "val").glob("*.png"):
        path.unlink()
    with pytest.raises(SourceError, match="5 pairs can be used; it takes 20"):
        proposed(tmp_path)
    with pytest.raises(SourceError, match="holds no image"):
        paired_images.propose(raw / "val", {})


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({"direction": "up"}, "--direction up: takes AtoB or BtoA"),
        ({"side": "18"}, "--side 18: takes a multiple of 4, such as 16"),
        ({"side": "512"}, "--side 512: takes a whole number from 16 to 128"),
        ({"colour": "blue"}, "--colour blue: takes grey or rgb"),
        ({"mirror": "maybe"}, "--mirror maybe: takes yes or no"),
        ({"test_share": "0.9"}, "--test-share 0.9: takes a number above 0, up to 0.5"),
        ({"on_bad_row": "skip"}, "--on-bad-row skip"),
    ],
)
def test_a_wrong_option_is_told(raw, tmp_path, options, line):
    side_by_side(raw, {"": 23})
    with pytest.raises(ConfigError, match=line):
        proposed(tmp_path, **options)


@pytest.mark.parametrize("colours", [1, 3])
@pytest.mark.parametrize("side", [16, 20, 28, 48, 64, 100, 128])
def test_presets_build_for_every_size_and_colour(side, colours):
    facts = {"side": side, "colours": colours, "shift": 1, "mirrored": True}
    for rows in (15, 307, 50_000):
        found = preset(facts, rows)
        config = parse(Config, found.config, "preset")
        assert config.batch <= rows and found.epochs >= 1
    family = load_family("pix2pix")
    family.graphs(family.build(config, facts), facts)


def test_baselines_leave_the_linear_map_out_where_its_cost_is_too_much(raw, tmp_path):
    side_by_side(raw, {"train": 29, "test": 7}, side=16)
    proposal = proposed(tmp_path)
    assert proposal.baseline["penalties"] and proposal.baseline["copies"] == [0, 4]
    config = parse(paired_images.Config, {**proposal.config, "side": 128}, "test")
    large = paired_images._baseline(config, 10_000)
    assert large["penalties"] == [] and large["copies"] == [0]
    found = encoded(tmp_path, proposal)

    class Data:
        facts = found.facts

        def arrays(self, name):
            return found.arrays[name]

    parsed = parse(pair_baselines.Config, {**proposal.baseline, "penalties": []}, "test")
    values = pair_baselines.baselines(parsed, Data())
    assert "nearest_source_l1_levels" in values and "linear_map_l1_levels" not in values
