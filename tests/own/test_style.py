"""A painting and a folder of photographs, clean and dirty, from the files to a painted answer."""

import base64
import io
import json
import shutil
import sys

import numpy as np
import pytest
from PIL import Image

from pipelines.add import __main__ as adding
from repertoire.config import ConfigError, parse
from repertoire.contract import load_family
from repertoire.data.dataset import Dataset, write_dataset
from repertoire.data.doors import OptionNeeded
from repertoire.data.files import digest_file
from repertoire.data.sources import Files, SourceError
from repertoire.data.validation import common, validate, with_identity
from repertoire.readers import style_folder
from repertoire.readers.helpers.images import style_proposal
from tests.own.journey import repro, served
from tests.small.styles import picture, write_perceptual


@pytest.fixture
def raw(tmp_path):
    folder = tmp_path / "raw"
    write_pictures(folder / "photographs", 13)
    (folder / "Sea  at night.png").write_bytes(picture(997, 61, 71))
    return folder


@pytest.fixture
def loss_network(tmp_path, monkeypatch):
    """A narrow loss_network with random weights in place of the published one."""
    mirror = tmp_path / "mirror"
    mirror.mkdir()
    write_perceptual(mirror / "loss_network.tar.gz")
    source = {**style_proposal.VGG16["source"], "file": "loss_network.tar.gz"}
    source["sha256"] = digest_file(mirror / "loss_network.tar.gz")
    monkeypatch.setattr(style_proposal, "VGG16", {**style_proposal.VGG16, "source": source})
    monkeypatch.setattr(style_proposal, "ITERATIONS", 3)
    monkeypatch.setenv("REPERTOIRE_MIRROR", str(mirror))


def write_pictures(folder, count, first=0, size=(47, 53)):
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(first, first + count):
        (folder / f"{number:03}.png").write_bytes(picture(number, *size))


def proposed(raw, **options):
    return style_folder.propose(raw, {k.replace("_", "-"): v for k, v in options.items()})


def tabulated(raw, proposal):
    config = parse(style_folder.Config, json.loads(json.dumps(proposal.config)), "test")
    return config, style_folder.tabulate(config, Files({"raw": raw}))


def facts_of(proposal):
    return {fact.of: fact.sentence for fact in proposal.facts}


def test_a_painting_and_photographs_become_a_served_painter_in_two_commands(
    raw, loss_network, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    words = ["add", "sea", str(raw / "Sea  at night.png"), str(raw / "photographs")]
    words += ["--family", "style_transfer", "--minutes", "0.02"]
    monkeypatch.setattr(sys, "argv", words)
    adding.main()
    assert "the style is called sea_at_night" in " ".join(capsys.readouterr().out.split())
    params = (tmp_path / "own/params.yaml").read_text(encoding="utf-8")
    (tmp_path / "own/params.yaml").write_text(params.replace("steps: 60", "steps: 3"))
    artifacts = repro(tmp_path, "sea")
    file = io.BytesIO()
    turned = Image.Exif()
    turned[0x0112] = 8
    Image.fromarray(np.zeros((91, 127, 3), np.uint8)).save(file, "JPEG", exif=turned)
    with served(artifacts.parent) as client:
        body = {"images": [base64.b64encode(file.getvalue()).decode()]}
        [answer] = client.post("/v1/models/sea/stylize", json=body).json()["results"]
    assert (answer["height"], answer["width"]) == (127, 91)
    manifest = json.loads((artifacts / "manifest.json").read_text(encoding="utf-8"))
    assert "blend_sea_at_night_perceptual_loss" in manifest["baselines"]
    assert manifest["facts"]["photographs"] == {"train": 10, "valid": 1, "test": 2}


def test_every_table_holds_the_expectations_and_becomes_arrays(raw, loss_network, tmp_path):
    proposal = proposed(raw)
    config, table = tabulated(raw, proposal)
    table = with_identity(table)
    columns = [c for c in table.columns if c not in ("row", "split", "key", "splits_of_key")]
    validate("styles", table, [*common(columns), *style_folder.expectations(config)])
    encoded = style_folder.encode(config, table)
    (tmp_path / "data").mkdir()
    write_dataset(tmp_path / "data", encoded, {})
    data = Dataset(tmp_path / "data")
    assert data.arrays("train")["images"].shape == (10, 44, 44, 3)
    assert data.arrays("styles")["sea_at_night"].shape == (61, 71, 3)
    assert data.arrays("optimised")["sea_at_night_losses"].shape == (4, 2, 2)
    preset = load_family("style_transfer").preset(data.facts, 10)
    found = parse(load_family("style_transfer").Config, preset.config, "test")
    assert found.style == "sea_at_night" and found.crop == 44


def test_the_painting_is_asked_for_where_several_files_could_be_it(raw):
    (raw / "photographs/000.png").rename(raw / "more.png")
    with pytest.raises(OptionNeeded, match=r"2 images could be the painting: Sea  at night\.png"):
        proposed(raw)
    assert proposed(raw, painting="more.png").config["style"] == "more"
    assert proposed(raw, painting="003.png").config["painting"] == "photographs/003.png"
    with pytest.raises(ConfigError, match=r"'ghost\.png' is the name of 0 images"):
        proposed(raw, painting="ghost.png")
    for name in ("more.png", "Sea  at night.png"):
        (raw / name).unlink()
    with pytest.raises(OptionNeeded, match="no image lies above the folders"):
        proposed(raw)


def test_folders_name_the_splits_and_only_some_held_out_photographs_are_used(raw):
    shutil.rmtree(raw / "photographs")
    for folder, count, first in (("train", 7, 0), ("validation", 11, 20), ("test", 13, 40)):
        write_pictures(raw / folder, count, first)
    proposal = proposed(raw)
    assert facts_of(proposal)["split"] == "7 train, 4 valid, 6 test: as the files say"
    assert facts_of(proposal)["unused"].startswith("14 held-out photographs")
    _, table = tabulated(raw, proposal)
    photographs = table[table["style"] == ""]
    assert photographs["split"].value_counts().to_dict() == {"train": 7, "test": 6, "valid": 4}
    for file, split in zip(photographs["file"], photographs["split"], strict=True):
        assert file.startswith(split)


def test_a_copy_in_another_size_stays_in_one_split(raw):
    for number in range(13):
        small = Image.open(raw / f"photographs/{number:03}.png").resize((106, 94))
        small.save(raw / f"photographs/copy_{number:03}.png")
    _, table = tabulated(raw, proposed(raw))
    split = dict(zip(table["file"], table["split"], strict=True))
    same = [
        split[f"photographs/{n:03}.png"] == split[f"photographs/copy_{n:03}.png"] for n in range(13)
    ]
    assert len(split) == 27 and all(same)


BAD = {
    "damaged": (
        lambda path: path.write_bytes(path.read_bytes()[:70]),
        r"photographs/005\.png is damaged or cut off",
    ),
    "no image": (lambda path: path.write_text("sunset"), r"photographs/005\.png is not an image"),
    "small": (
        lambda path: Image.new("RGB", (53, 20)).save(path),
        r"photographs/005\.png: 53 × 20 pixels are less than 44 on a side",
    ),
    "the painting": (
        lambda path: shutil.copyfile(path.parents[1] / "Sea  at night.png", path),
        r"photographs/005\.png: it is the painting itself",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_what_cannot_be_used_is_refused_in_one_line_or_left_out(raw, name):
    spoil, line = BAD[name]
    spoil(raw / "photographs/005.png")
    with pytest.raises(SourceError, match=line) as refused:
        proposed(raw, side="44")
    assert "\n" not in str(refused.value) and "--on-bad-row drop" in str(refused.value)
    _, table = tabulated(raw, proposed(raw, side="44", on_bad_row="drop"))
    assert len(table.attrs["dropped"]) == 1 and len(table) == 13


def test_photographs_of_any_kind_are_read_and_hidden_files_passed_over(raw):
    folder = raw / "photographs"
    turned = Image.Exif()
    turned[0x0112] = 6
    wide = np.zeros((50, 70, 3), np.uint8)
    wide[:, :35] = 255
    Image.fromarray(wide).save(folder / "turned.jpg", exif=turned)
    Image.fromarray(wide[:, ::-1]).convert("CMYK").save(folder / "print.jpg")
    Image.fromarray(wide[::-1, :, 0]).convert("L").save(folder / "grey.tiff")
    for name in (".DS_Store", "._000.png", "__MACOSX/x.png", "Thumbs.db", "notes.txt"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(b"\0\1\2")
    _, table = tabulated(raw, proposed(raw))
    assert len(table) == 17
    [pixels] = table.loc[table["file"] == "photographs/turned.jpg", "pixels"]
    assert pixels[:10].min() > 200 and pixels[-10:].max() < 50  # white above, once upright


def test_a_painting_too_small_or_unreadable_is_refused(raw):
    Image.new("RGB", (90, 31)).save(raw / "Sea  at night.png")
    with pytest.raises(SourceError, match="90 × 31 pixels show too little of a style"):
        proposed(raw)
    (raw / "Sea  at night.png").write_bytes(b"")
    with pytest.raises(SourceError, match=r"Sea  at night\.png is empty"):
        proposed(raw)


def test_too_few_photographs_are_told(raw):
    shutil.rmtree(raw / "photographs")
    with pytest.raises(SourceError, match="no photographs; name a folder of them"):
        proposed(raw)
    write_pictures(raw / "photographs", 3)
    with pytest.raises(SourceError, match="3 different images are too few"):
        proposed(raw)


def test_the_sides_are_those_that_images_have(raw):
    config = proposed(raw).config
    assert config["side"] == 44 and config["style_side"] == 61
    shutil.rmtree(raw / "photographs")
    write_pictures(raw / "photographs", 7, size=(211, 199))
    assert proposed(raw).config["side"] == 96
    assert proposed(raw, side="128").config["side"] == 128
    with pytest.raises(ConfigError, match="--side: '20' is no whole number from 32"):
        proposed(raw, side="20")
