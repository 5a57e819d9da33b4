"""A folder of images: from files to a served model, in every layout, clean and dirty."""

import base64
import io
import json
import unicodedata

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from repertoire.config import ConfigError, parse
from repertoire.contract import load_family
from repertoire.data.dataset import Dataset, write_dataset
from repertoire.data.doors import OptionNeeded
from repertoire.data.sources import Files, SourceError
from repertoire.kinds.images import baselines
from repertoire.metrics.features import feature_space
from repertoire.readers import image_folder
from repertoire.readers.helpers.images.sizes import sizes_words
from tests.own.journey import add, repro, served

COLOURS = {"berry": (190, 30, 60), "leaf": (40, 160, 50), "sky": (60, 120, 220)}


def blob(rng, colour, side=19):
    """A bright disc of a colour somewhere on a dark ground."""
    y, x = np.mgrid[:side, :side]
    place = rng.uniform(0.3, 0.7, 2) * side
    inside = (y - place[0]) ** 2 + (x - place[1]) ** 2 < (side / rng.uniform(3, 5)) ** 2
    pixels = np.where(inside[..., None], colour, (25, 25, 25)) + rng.normal(0, 6, (side, side, 3))
    return pixels.clip(0, 255).astype(np.uint8)


def write(path, pixels):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)
    return path


def berries(folder, count=47, side=19, seed=0):
    """``count`` images of three classes, a folder each."""
    rng = np.random.default_rng(seed)
    for number in range(count):
        name = list(COLOURS)[number % 3]
        write(folder / name / f"{number:03}.png", blob(rng, COLOURS[name], side))
    return folder


def proposed(raw, **options):
    return image_folder.propose(raw, {k.replace("_", "-"): v for k, v in options.items()})


def tabulated(raw, proposal):
    config = parse(image_folder.Config, json.loads(json.dumps(proposal.config)), "test")
    return config, image_folder.tabulate(config, Files({"raw": raw}))


def facts_of(proposal):
    return {fact.of: fact.sentence for fact in proposal.facts}


def prepared(tmp_path, raw, **options):
    proposal = proposed(raw, **options)
    config, table = tabulated(raw, proposal)
    folder = tmp_path / "data"
    folder.mkdir()
    write_dataset(folder, image_folder.encode(config, table), {"kind": "images"})
    return Dataset(folder), proposal, table


def unpng(text):
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(text))))


def png(pixels):
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return base64.b64encode(file.getvalue()).decode()


@pytest.mark.parametrize("family", ["variational_autoencoder", "gan"])
def test_a_folder_of_coloured_images_becomes_a_served_model_in_two_commands(tmp_path, family):
    raw = berries(tmp_path / "berries", count=131)
    words = ("--family", family, "--minutes", "0.02", "--side", "16")
    said = add(tmp_path, "berries_own", raw, *words)
    assert said.returncode == 0, said.stderr
    assert "3, a folder is a class: berry 44, leaf 44, sky 43" in said.stdout
    artifacts = repro(tmp_path, "berries_own")
    with served(artifacts.parent) as client:
        if family == "gan":
            body = {"count": 2, "seed": 3}
            answer = client.post("/v1/models/berries_own/sample", json=body).json()
            image = unpng(answer["images"][1])
        else:
            given = np.full((16, 16, 3), 70, np.uint8)
            body = {"images": [png(given)]}
            answer = client.post("/v1/models/berries_own/reconstruct", json=body).json()
            image = unpng(answer["results"][0]["image"])
    assert image.shape == (16, 16, 3) and image.dtype == np.uint8


def test_folders_tell_splits_and_classes_and_validation_is_taken_from_training(tmp_path):
    berries(tmp_path / "raw" / "Training", 61)
    berries(tmp_path / "raw" / "test", 23, seed=1)
    data, proposal, table = prepared(tmp_path, tmp_path / "raw")
    assert facts_of(proposal)["split"] == (
        "as folders or the column split tell: train 61, test 23; 10 % of training is taken for "
        "validation"
    )
    assert table["split"].value_counts().to_dict() == {"train": 55, "test": 23, "valid": 6}
    assert data.facts["names"] == ["berry", "leaf", "sky"]
    assert set(table.loc[table["split"] == "valid", "label"]) == set(COLOURS)
    test = data.arrays("test")
    assert test["images"].shape == (23, 16, 16, 3)
    names = [table.loc[table["split"] == "test", "label"].iloc[n] for n in range(23)]
    assert [data.facts["names"][label] for label in test["labels"]] == names


def test_images_without_folders_have_no_classes_and_say_what_is_left_out(tmp_path):
    rng = np.random.default_rng(0)
    for number in range(53):
        write(tmp_path / "raw" / f"{number}.png", rng.integers(0, 256, (17, 17), dtype=np.uint8))
    data, proposal, _ = prepared(tmp_path, tmp_path / "raw")
    assert facts_of(proposal)["classes"] == "none: they lie in no folders (--label)"
    assert data.facts["classes"] == 0 and "labels" not in data.arrays("train")
    assert data.facts["channels"] == 1 and data.arrays("train")["images"].ndim == 3
    # Noise looks alike whichever way it is turned.
    assert data.facts["features"] == "pixels"
    assert (
        "a classifier of their quarter turns is right" in data.facts["left_out"]["frechet_distance"]
    )
    config = parse(baselines.Config, json.loads(json.dumps(proposal.baseline)), "test")
    found = baselines.baselines(config, data)
    assert {"gaussian_pixels_pixel_coverage_percent", "pca_32_grey_mse"} <= set(found)
    assert not any("frechet" in name or "probe" in name for name in found)
    preset = load_family("gan").preset(data.facts, 37)
    assert (preset.metric, preset.better) == ("pixel_coverage_percent", "higher")


def test_images_that_have_a_way_up_are_compared_by_their_quarter_turns(tmp_path):
    rng = np.random.default_rng(0)
    ramp = np.linspace(0, 200, 17)[:, None] + np.zeros(17)
    for number in range(97):
        pixels = (ramp + rng.integers(0, 50, (17, 17))).astype(np.uint8)
        write(tmp_path / "raw" / f"{number}.png", pixels)
    data, _, _ = prepared(tmp_path, tmp_path / "raw")
    assert data.facts["features"] == "rotations"
    assert "frechet_distance" not in data.facts["left_out"]
    assert feature_space(data).features(data.arrays("test")["images"]).shape[1] == 64


def test_classes_that_a_classifier_cannot_tell_are_not_counted(tmp_path):
    rng = np.random.default_rng(0)
    for number in range(101):
        pixels = rng.integers(0, 256, (17, 17), dtype=np.uint8)
        write(tmp_path / "raw" / "ab"[number % 2] / f"{number}.png", pixels)
    data, _, _ = prepared(tmp_path, tmp_path / "raw")
    assert data.facts["classes"] == 2 and data.facts["features"] != "classes"
    why = data.facts["left_out"]["classes_covered"]
    assert why.startswith("the evaluation classifier is right about")


@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet"])
def test_metadata_name_files_classes_and_splits(tmp_path, ending):
    raw = berries(tmp_path / "raw" / "images", 43).parent
    files = sorted((raw / "images").rglob("*.png"))
    table = pd.DataFrame({"file_name": [f.relative_to(raw).as_posix() for f in files]})
    table["label"] = [n % 2 for n in range(43)]
    table["split"] = ["test" if n % 5 == 0 else "training" for n in range(43)]
    if ending == "csv":
        table.to_csv(raw / "metadata.csv", index=False, encoding="utf-8-sig", lineterminator="\r\n")
    elif ending == "jsonl":
        table.to_json(raw / "metadata.jsonl", orient="records", lines=True)
    else:
        table.to_parquet(raw / "metadata.parquet")
    proposal = proposed(raw)
    assert "the column label of the metadata" in facts_of(proposal)["classes"]
    _, found = tabulated(raw, proposal)
    assert set(found["label"]) == {"0", "1"}
    assert set(found.loc[found["split"] == "test", "file"]) == {
        f.relative_to(raw).as_posix() for n, f in enumerate(files) if n % 5 == 0
    }


def test_metadata_beside_the_images_of_each_split_are_relative_to_their_folder(tmp_path):
    raw = tmp_path / "raw"
    for split, count in (("train", 41), ("test", 13)):
        rng = np.random.default_rng(count)
        rows = []
        for number in range(count):
            write(raw / split / "pics" / f"{number}.png", blob(rng, (250, 9, 9)))
            rows.append({"file_name": f"pics\\{number}.png", "kind": "ab"[number % 2]})
        pd.DataFrame(rows).to_csv(raw / split / "metadata.csv", index=False)
    _, table = tabulated(raw, proposed(raw))
    assert (table["split"] == "test").sum() == 13 and set(table["label"]) == {"a", "b"}


def test_several_columns_ask_which_is_the_label(tmp_path):
    raw = berries(tmp_path / "raw", 37)
    files = [f.relative_to(raw).as_posix() for f in sorted(raw.rglob("*.png"))]
    rows = {"file_name": files, "shape": ["x", "y"] * 18 + ["x"], "size": ["s"] * 18 + ["l"] * 19}
    pd.DataFrame(rows).to_csv(raw / "metadata.csv", index=False)
    with pytest.raises(OptionNeeded, match="shape, size; say which: --label shape"):
        proposed(raw)
    assert "as --label says" in facts_of(proposed(raw, label="size"))["classes"]
    assert "a folder is a class" in facts_of(proposed(raw, label="folder"))["classes"]
    assert facts_of(proposed(raw, label="none"))["classes"].startswith("none")
    with pytest.raises(ConfigError, match="--label colour: no such column; there are: shape, size"):
        proposed(raw, label="colour")
    with pytest.raises(ConfigError, match="no such column"):
        proposed(raw, label="file_name")


def test_a_damaged_image_is_no_image_of_its_class_and_sizes_are_those_of_files(tmp_path):
    raw = tmp_path / "raw"
    rng = np.random.default_rng(7)
    for number in range(43):
        (raw / "ab"[number % 2]).mkdir(parents=True, exist_ok=True)
        sides = (23, 37) if number % 3 else (37, 23)
        pixels = rng.integers(0, 256, (*sides, 3), np.uint8)
        Image.fromarray(pixels).save(raw / "ab"[number % 2] / f"{number:02}.png")
    path = raw / "a/08.png"
    path.write_bytes(path.read_bytes()[:97])
    facts = facts_of(proposed(raw, on_bad_row="drop"))
    assert "files have 23 x 37 and 37 x 23;" in facts["size"]
    assert facts["classes"].endswith("a 21, b 21") and facts["images"] == "43 files: PNG 42"
    assert facts["unusable"].startswith("1 of 43 images is left out, the first: a/08.png")


def test_few_sizes_are_told_one_by_one_and_of_many_the_smallest_and_the_largest_area():
    assert sizes_words([(5, 3)] * 2) == "5 x 3"
    assert sizes_words([(7, 3), (5, 3), (2, 2), (5, 3)]) == "2 x 2, 5 x 3 and 7 x 3"
    assert sizes_words([(41, 2), (11, 13), (5, 7), (3, 53)]) == "5 x 7 to 3 x 53 by area"


def test_rows_of_metadata_without_an_image_and_images_without_a_row_are_told(tmp_path):
    raw = berries(tmp_path / "raw", 47)
    files = [f.relative_to(raw).as_posix() for f in sorted(raw.rglob("*.png"))]
    names = [*files[:-1], "leaf/none.png", files[0], "../else.png"]
    labels = ["a", "b"] * 24 + ["a"]
    labels[5] = ""
    pd.DataFrame({"file_name": names, "label": labels}).to_csv(raw / "metadata.csv", index=False)
    with pytest.raises(SourceError, match=r"metadata\.csv: row 7: the column label is empty"):
        proposed(raw)
    proposal = proposed(raw, on_bad_row="drop")
    assert facts_of(proposal)["unusable"].startswith("6 of 51 images are left out")
    _, table = tabulated(raw, proposal)
    reasons = {row["reason"] for row in table.attrs["dropped"]}
    assert reasons == {
        "the column label is empty",
        "file_name leaf/none.png: no such image",
        f"{files[0]} is listed before",
        "file_name ../else.png: no such image",
        "is not listed in metadata.csv",
    }


def test_files_that_are_no_images_are_refused_or_left_out(tmp_path):
    raw = berries(tmp_path / "raw", 41)
    (raw / "leaf" / "text.png").write_text("I am a text")
    (raw / "leaf" / "phone.HEIC").write_bytes(b"\0\0\0\x18ftypheic")
    (raw / "leaf" / "empty.jpg").touch()
    (raw / "README.md").write_text("read me")
    (raw / ".DS_Store").touch()
    (raw / "__MACOSX").mkdir()
    (raw / "__MACOSX" / "._0.png").touch()
    with pytest.raises(SourceError, match=r"HEIC.*2 more such images.*--on-bad-row drop") as error:
        proposed(raw)
    assert "\n" not in str(error.value)
    proposal = proposed(raw, on_bad_row="drop")
    assert facts_of(proposal)["other files"] == "1 are not looked at: README.md"
    _, table = tabulated(raw, proposal)
    assert len(table) == 41
    assert {row["file"] for row in table.attrs["dropped"]} == {
        "leaf/text.png",
        "leaf/phone.HEIC",
        "leaf/empty.jpg",
    }
    fail = {**proposal.config, "bad_rows": {"on_bad_row": "fail", "largest_share": 0.5}}
    config = parse(image_folder.Config, json.loads(json.dumps(fail)), "test")
    with pytest.raises(SourceError, match=r"\.HEIC"):
        image_folder.tabulate(config, Files({"raw": raw}))


def test_an_image_beside_the_class_folders_is_a_bad_row(tmp_path):
    raw = berries(tmp_path / "raw", 41)
    write(raw / "stray.png", np.zeros((9, 9), np.uint8))
    with pytest.raises(SourceError, match=r"stray\.png lies beside the folders of the classes"):
        proposed(raw)


def test_an_image_in_no_split_is_a_bad_row_where_others_are_in_one(tmp_path):
    raw = tmp_path / "raw"
    berries(raw / "train", 41)
    write(raw / "holiday" / "x.png", np.zeros((9, 9), np.uint8))
    with pytest.raises(SourceError, match=r"holiday/x\.png lies in no folder of a split"):
        proposed(raw)


def test_equal_images_stay_in_one_split_and_training_has_none_of_the_test(tmp_path):
    raw = berries(tmp_path / "flat" / "raw", 41)
    for number in range(7):  # copies in another format
        source = sorted(raw.rglob("*.png"))[number]
        Image.open(source).save(source.with_suffix(".bmp"))
    proposal = proposed(raw)
    assert facts_of(proposal)["repeated"].startswith("7 images equal another one")
    _, table = tabulated(raw, proposal)
    assert (table.groupby("key")["split"].nunique() == 1).all() and len(table) == 48
    told = tmp_path / "told"
    berries(told / "train", 41)
    berries(told / "test", 11)  # the same images again
    _, table = tabulated(told, proposed(told))
    assert (table["split"] == "test").sum() == 11
    assert (table["split"] != "test").sum() == 30


def test_a_class_of_one_image_is_for_training_and_one_of_the_test_alone_is_a_bad_row(tmp_path):
    raw = berries(tmp_path / "raw", 41)
    write(raw / "rare" / "x.png", np.full((19, 19, 3), 90, np.uint8))
    _, table = tabulated(raw, proposed(raw))
    assert table.loc[table["label"] == "rare", "split"].tolist() == ["train"]
    told = tmp_path / "told"
    berries(told / "train", 41)
    write(told / "test" / "odd" / "x.png", np.full((19, 19, 3), 90, np.uint8))
    config = proposed(told).config
    parsed = parse(image_folder.Config, json.loads(json.dumps(config)), "test")
    with pytest.raises(SourceError, match="of its class, odd, there is no training image"):
        image_folder.tabulate(parsed, Files({"raw": told}))


def test_the_side_and_the_colour_are_told_by_the_files_or_by_options(tmp_path):
    raw = berries(tmp_path / "raw", 41, side=45)
    assert proposed(raw).config["side"] == 32 and proposed(raw).config["colour"] == "rgb"
    assert proposed(raw, side="48", colour="grey").config["side"] == 48
    assert proposed(raw, side="48", colour="grey").config["colour"] == "grey"
    for side, words in (("8", "from 16 to 128"), ("x", "from 16"), ("50", "a multiple of 8")):
        with pytest.raises(ConfigError, match=f"--side {side}: takes .*{words}"):
            proposed(raw, side=side)
    with pytest.raises(ConfigError, match="--colour red: takes grey or rgb"):
        proposed(raw, colour="red")
    small = berries(tmp_path / "small", 41, side=28)
    assert facts_of(proposed(small))["size"] == "28 x 28 pixels, as they are"


def test_too_few_images_and_too_many_classes_are_told(tmp_path):
    raw = berries(tmp_path / "few", 11)
    with pytest.raises(SourceError, match="11 images can be used; at least 30 are needed"):
        proposed(raw)
    for number in range(1009):
        write(tmp_path / "many" / f"{number}" / "x.png", np.full((2, 2), number % 256, np.uint8))
    with pytest.raises(OptionNeeded, match="1,009 folders are too many for classes"):
        proposed(tmp_path / "many")
    (tmp_path / "none").mkdir()
    (tmp_path / "none" / "notes.txt").touch()
    with pytest.raises(SourceError, match=r"holds no image .*; it holds notes\.txt"):
        proposed(tmp_path / "none")
    (tmp_path / "none" / "images.zip").touch()
    with pytest.raises(SourceError, match=r"images\.zip: an archive; unpack it"):
        proposed(tmp_path / "none")


def test_classes_called_by_numbers_are_in_their_order(tmp_path):
    rng = np.random.default_rng(0)
    for number in range(44):
        write(tmp_path / "raw" / f"{number % 11}" / f"{number}.png", blob(rng, (200, 200, 200)))
    data, _, _ = prepared(tmp_path, tmp_path / "raw")
    assert data.facts["names"] == [str(n) for n in range(11)]


def test_an_archive_packed_in_a_folder_of_its_own_is_read_from_there(tmp_path):
    berries(tmp_path / "raw" / "my-data" / "images", 41)
    assert facts_of(proposed(tmp_path / "raw"))["classes"].startswith("3, a folder is a class")


def test_class_names_in_either_unicode_form_are_one_class(tmp_path):
    names = [unicodedata.normalize(form, "한글") for form in ("NFC", "NFD")]
    for split, name in zip(("train", "test"), names, strict=True):
        raw = berries(tmp_path / "raw" / split, 41, seed=len(split))
        (raw / "sky").rename(raw / name)
    _, table = tabulated(tmp_path / "raw", proposed(tmp_path / "raw"))
    assert set(table["label"]) == {"berry", "leaf", names[0]}


def test_test_images_without_classes_are_told_and_can_be_left_out(tmp_path):
    raw = tmp_path / "raw"
    berries(raw / "train", 47)
    for number in range(7):
        write(raw / "test" / f"{number}.png", np.full((19, 19, 3), number, np.uint8))
    with pytest.raises(SourceError, match=r"test/0\.png lies beside.*6 more such images"):
        proposed(raw)
    _, table = tabulated(raw, proposed(raw, on_bad_row="drop"))
    assert len(table) == 47 and set(table["split"]) == {"train", "valid", "test"}


def test_links_to_files_and_a_broken_one_are_read_as_files(tmp_path):
    source = berries(tmp_path / "source", 41)
    for path in source.rglob("*.png"):
        target = tmp_path / "raw" / path.relative_to(source)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.symlink_to(path)
    assert len(tabulated(tmp_path / "raw", proposed(tmp_path / "raw"))[1]) == 41
    (tmp_path / "raw" / "leaf" / "gone.png").symlink_to(tmp_path / "nowhere.png")
    with pytest.raises(SourceError, match=r"gone\.png: no such file"):
        proposed(tmp_path / "raw")
