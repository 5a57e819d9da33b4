"""The official files of MNIST and Fashion-MNIST."""

import gzip
import struct

import numpy as np
import pytest

from repertoire.data.sources import Files, SourceError
from repertoire.readers import idx_images

CONFIG = idx_images.Config(
    side=5,
    names=("a", "b", "c"),
    valid=7,
    ink=(0.0, 1.0),
    brightest=1,
    seed=0,
    classifier_units=(3,),
    classifier_iterations=2,
)


def write(path, array):
    head = bytes((0, 0, 8, array.ndim)) + struct.pack(f">{array.ndim}i", *array.shape)
    path.write_bytes(gzip.compress(head + array.astype(np.uint8).tobytes(), mtime=0))


def files(folder, train, test):
    paths = {}
    for part, images in (("train", train), ("test", test)):
        for kind, array in (("images", images), ("labels", np.arange(len(images)) % 3)):
            paths[f"{part}_{kind}"] = folder / f"{part}-{kind}.gz"
            write(paths[f"{part}_{kind}"], array)
    return Files(paths)


def pictures(count, first=0):
    images = np.zeros((count, 5, 5), np.uint8)
    images[:, 1, 2] = first + np.arange(1, count + 1)
    return images


def test_pictures_and_labels_keep_their_order_and_the_last_of_training_are_held_out(tmp_path):
    table = idx_images.tabulate(CONFIG, files(tmp_path, pictures(23), pictures(11, 100)))
    assert table["split"].to_list() == ["train"] * 16 + ["valid"] * 7 + ["test"] * 11
    assert table["label"].to_list() == [n % 3 for n in (*range(23), *range(11))]
    assert [pixels[7] for pixels in table["pixels"]] == [*range(1, 24), *range(101, 112)]


def test_training_pictures_that_occur_again_are_left_out_and_no_test_picture_is(tmp_path):
    train, test = pictures(23), pictures(11, 100)
    train[2], train[4], test[6] = test[0], train[20], test[5]
    table = idx_images.tabulate(CONFIG, files(tmp_path, train, test))
    assert (table["split"] == "test").sum() == 11
    kept = [pixels[7] for pixels in table.loc[table["split"] != "test", "pixels"]]
    assert kept == [n for n in range(1, 24) if n not in (3, 5)]


def test_a_damaged_or_foreign_file_is_refused(tmp_path):
    path = tmp_path / "images.gz"
    write(path, pictures(3))
    with pytest.raises(SourceError, match="not an idx file of bytes in 1 axes"):
        idx_images.read_idx(path, 1)
    whole = gzip.decompress(path.read_bytes())
    path.write_bytes(gzip.compress(whole[:-1]))
    with pytest.raises(SourceError, match=r"does not hold the \[3, 5, 5\] bytes"):
        idx_images.read_idx(path, 3)
    path.write_bytes(whole)
    with pytest.raises(SourceError, match="damaged"):
        idx_images.read_idx(path, 3)


def test_files_whose_pictures_and_labels_do_not_match_are_refused(tmp_path):
    found = files(tmp_path, pictures(23), pictures(11, 100))
    write(found["train_labels"], np.zeros(22))
    with pytest.raises(SourceError, match="for each of 22 labels"):
        idx_images.tabulate(CONFIG, found)
