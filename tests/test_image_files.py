"""Image files of users, as they are: each becomes the right array or one clear line."""

import io
import os
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from repertoire.data.image_files import (
    ImageFileError,
    image_paths,
    inspect,
    is_colour,
    read_image,
    read_whole,
    visible_files,
)
from repertoire.runtime import image_file

RED, WHITE = (255, 0, 0), (255, 255, 255)


def saved(path, pixels, mode=None, **options):
    image = Image.fromarray(np.asarray(pixels, np.uint8))
    (image if mode is None else image.convert(mode)).save(path, **options)
    return path


def halves(height=13, width=29, left=RED, right=WHITE):
    pixels = np.empty((height, width, 3), np.uint8)
    pixels[:, : width // 2], pixels[:, width // 2 :] = left, right
    return pixels


def png(width, height, depth, colour, rows, *chunks):
    """A PNG file put together by hand: of such depths Pillow writes none."""

    def chunk(name, content):
        checksum = zlib.crc32(name + content)
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", checksum)

    head = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    body = chunk(b"IDAT", zlib.compress(b"".join(b"\0" + row for row in rows)))
    extra = b"".join(chunk(*each) for each in chunks)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + extra + body + chunk(b"IEND", b"")


def test_an_image_of_the_wanted_size_is_not_changed(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (17, 23, 3), dtype=np.uint8)
    path = saved(tmp_path / "x.png", pixels)
    assert np.array_equal(read_image(path, 3, (17, 23)), pixels)
    assert np.array_equal(read_whole(path), pixels)


def test_a_wide_image_is_cut_on_both_sides_and_a_high_one_above_and_below(tmp_path):
    pixels = np.zeros((20, 60), np.uint8)
    pixels[:, :20], pixels[:, 40:] = 100, 200
    wide = saved(tmp_path / "wide.png", pixels)
    high = saved(tmp_path / "high.png", pixels.T)
    # The filter reaches over the cut.
    assert read_image(wide, 1, (11, 11)).max() <= 10
    assert read_image(high, 1, (11, 11)).max() <= 10
    assert np.abs(read_image(wide, 1, (7, 21))[0, [0, -1]].astype(int) - [100, 200]).max() <= 2


def test_16_bit_levels_are_scaled_and_not_cut_off(tmp_path):
    levels = [0, 127, 129, 257, 32_896, 65_535]
    row = struct.pack(">6H", *levels)
    path = tmp_path / "deep.png"
    path.write_bytes(png(6, 1, 16, 0, [row]))
    assert read_image(path, 1, (1, 6))[0].tolist() == [0, 0, 1, 1, 128, 255]
    Image.fromarray(np.array([levels], np.uint16)).save(tmp_path / "deep.tif")
    assert read_image(tmp_path / "deep.tif", 1, (1, 6))[0].tolist() == [0, 0, 1, 1, 128, 255]
    assert not is_colour(path)


def test_16_bit_colours_are_read(tmp_path):
    path = tmp_path / "deep.png"
    path.write_bytes(png(2, 1, 16, 2, [struct.pack(">6H", 65_535, 0, 0, 257 * 7, 257 * 11, 0)]))
    assert read_image(path, 3, (1, 2))[0].tolist() == [[255, 0, 0], [7, 11, 0]]


def test_a_transparent_16_bit_level_is_white(tmp_path):
    path = tmp_path / "deep.png"
    row = struct.pack(">3H", 0, 500, 65_535)
    path.write_bytes(png(3, 1, 16, 0, [row], (b"tRNS", struct.pack(">H", 500))))
    assert read_image(path, 1, (1, 3))[0].tolist() == [0, 255, 255]


def test_transparent_pixels_are_laid_on_white_in_every_mode(tmp_path):
    pixels = np.zeros((11, 13, 4), np.uint8)
    pixels[:, 6:, 3] = 255
    saved(tmp_path / "rgba.png", pixels)
    saved(tmp_path / "la.png", pixels, "LA")
    levels = Image.fromarray(pixels[:, :, 3] // 2 + 7)  # 7 and 134
    levels.save(tmp_path / "l.png", transparency=7)
    levels.convert("P").save(tmp_path / "p.png", transparency=7)
    for name in ("rgba.png", "la.png"):
        grey = read_image(tmp_path / name, 1, (11, 13))
        assert grey[0].tolist() == [255] * 6 + [0] * 7, name
    for name in ("l.png", "p.png"):
        assert read_image(tmp_path / name, 1, (11, 13))[0].tolist() == [255] * 6 + [134] * 7, name
        assert read_whole(tmp_path / name)[0, :, 1].tolist() == [255] * 6 + [134] * 7, name
    half = np.array([[[0, 0, 0, 51]]], np.uint8)
    assert read_whole(saved(tmp_path / "half.png", half)).tolist() == [[[204, 204, 204]]]


@pytest.mark.parametrize("ink", [255, 241])
@pytest.mark.parametrize(("mode", "kind"), [("RGBA", "PNG"), ("LA", "PNG"), ("RGBA", "WEBP")])
def test_white_ink_on_a_transparent_ground_is_laid_on_black(tmp_path, ink, mode, kind):
    pixels = np.full((11, 13, 4), (ink, ink, ink, 255), np.uint8)
    pixels[:, :6, 3] = 0
    pixels[:, 6, 3] = 51  # an edge that is a fifth ink
    options = {"lossless": True, "exact": True} if kind == "WEBP" else {}
    path = saved(tmp_path / f"x.{kind}", pixels, mode, **options)
    expected = [0] * 6 + [round(ink / 5)] + [ink] * 6
    assert np.abs(read_image(path, 1, (11, 13))[0].astype(int) - expected).max() <= 1
    assert np.abs(read_whole(path)[0, :, 2].astype(int) - expected).max() <= 1


def test_what_is_transparent_all_over_is_white_and_so_is_what_is_white_all_over(tmp_path):
    for name, alpha in (("clear", 0), ("full", 255)):
        pixels = np.full((5, 7, 4), 255, np.uint8)
        pixels[..., 3] = alpha
        assert read_whole(saved(tmp_path / f"{name}.png", pixels)).min() == 255


@pytest.mark.parametrize("kind", ["JPEG", "TIFF", "PNG", "WEBP"])
def test_the_orientation_is_applied_once_in_every_format_that_has_one(tmp_path, kind):
    exif = Image.Exif()
    exif[0x0112] = 6
    upright = np.zeros((24, 40), np.uint8)
    upright[:8, :8] = 255
    options = {"lossless": True} if kind == "WEBP" else {}
    path = saved(tmp_path / f"x.{kind}", np.rot90(upright), format=kind, exif=exif, **options)
    about = inspect(path)
    assert (about.height, about.width) == (24, 40)
    found = read_image(path, 1, (24, 40))
    assert found[:6, :6].min() > 240 and found[10:, 10:].max() < 15


def test_a_damaged_note_of_the_orientation_leaves_the_pixels_as_they_lie(tmp_path):
    for name, block in (
        ("text", struct.pack("<HHI4s", 0x0112, 2, 4, b"six\0")),
        ("long", struct.pack("<HHII", 0x0100, 4, 1, 40) + struct.pack("<HHII", 0x0112, 3, 9, 999)),
        ("nine", struct.pack("<HHIHH", 0x0112, 3, 1, 9, 0)),
    ):
        exif = b"Exif\0\0II*\0\x08\0\0\0" + struct.pack("<H", len(block) // 12) + block
        path = saved(tmp_path / f"{name}.jpg", halves(), exif=exif)
        whole = read_whole(path).astype(int)
        assert whole.shape == (13, 29, 3) and np.abs(whole[6, 3] - RED).max() < 8, name


def test_levels_of_32_bits_are_refused(tmp_path):
    Image.fromarray(np.full((5, 7), 200, np.int32)).save(tmp_path / "x.tif")
    with pytest.raises(ImageFileError, match="levels of 32 bits, whose range is not known"):
        read_whole(tmp_path / "x.tif")


def test_palettes_black_and_white_and_cmyk_become_rgb(tmp_path):
    saved(tmp_path / "palette.gif", halves(), "P")
    saved(tmp_path / "cmyk.jpg", halves(), "CMYK", quality=100)
    saved(tmp_path / "bits.png", halves(left=(0, 0, 0)), "1")
    for name in ("palette.gif", "cmyk.jpg"):
        whole = read_whole(tmp_path / name).astype(int)
        assert np.abs(whole[6, 3] - RED).max() < 8 and np.abs(whole[6, 25] - WHITE).max() < 8, name
        assert is_colour(tmp_path / name)
    assert set(read_image(tmp_path / "bits.png", 1, (13, 29)).flat) == {0, 255}
    # Red has the luma 0.299 * 255.
    assert abs(int(read_image(tmp_path / "cmyk.jpg", 1, (13, 29))[6, 3]) - 76) < 4


@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_orientation_that_a_camera_noted_is_applied(tmp_path, orientation):
    upright = np.zeros((24, 40), np.uint8)
    upright[:8, :8] = 255  # the upper left corner is white
    stored = {
        1: upright,
        2: upright[:, ::-1],
        3: upright[::-1, ::-1],
        4: upright[::-1],
        5: upright.T,
        6: np.rot90(upright),
        7: upright[::-1, ::-1].T,
        8: np.rot90(upright, -1),
    }[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = saved(tmp_path / "x.jpg", stored, exif=exif, quality=95)
    found = read_image(path, 1, (24, 40))
    assert found[:6, :6].min() > 240 and found[10:, 10:].max() < 15
    assert (inspect(path).height, inspect(path).width) == (24, 40)


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG", "TIFF"])
def test_an_animation_and_a_file_of_several_pages_are_refused(tmp_path, kind):
    frames = [Image.fromarray(halves(left=(0, level, 0))) for level in (255, 0, 128)]
    path = tmp_path / f"moving.{kind}"
    frames[0].save(path, kind, save_all=True, append_images=frames[1:])
    words = "is a file of several pages" if kind == "TIFF" else "is an animation"
    for read in (inspect, read_whole, is_colour):
        with pytest.raises(ImageFileError, match=words):
            read(path)
    frames[0].save(path, kind)
    assert np.abs(read_whole(path)[6, 3].astype(int) - (0, 255, 0)).max() < 3


def test_of_a_camera_s_file_with_previews_the_first_image_is_taken(tmp_path):
    frames = [Image.fromarray(halves(left=(level, 0, 0))) for level in (255, 0)]
    frames[0].save(tmp_path / "x.jpg", "MPO", save_all=True, append_images=frames[1:])
    assert abs(int(read_whole(tmp_path / "x.jpg")[6, 3, 0]) - 255) < 8


def test_a_grey_image_saved_as_rgb_has_no_colour_and_a_small_red_spot_has(tmp_path):
    rng = np.random.default_rng(0)
    grey = np.repeat(rng.integers(0, 256, (61, 67, 1), dtype=np.uint8), 3, 2)
    assert not is_colour(saved(tmp_path / "grey.jpg", grey, quality=30))
    assert not is_colour(saved(tmp_path / "grey.png", grey))
    grey[20:26, 20:26] = RED
    assert is_colour(saved(tmp_path / "spot.png", grey))


def test_a_large_jpeg_is_read_as_the_whole_of_it_reduced(tmp_path):
    ramp = np.tile(np.linspace(0, 255, 1201).round().astype(np.uint8), (1201, 1))
    found = read_image(saved(tmp_path / "large.jpg", ramp), 1, (31, 31))
    assert np.abs(found[15] - np.linspace(0, 255, 31)).max() < 6


def refused(path, content, words):
    path.write_bytes(content)
    for read in (lambda: read_image(path, 3, (8, 8)), lambda: read_whole(path)):
        with pytest.raises(ImageFileError) as error:
            read()
        text = str(error.value)
        assert text.startswith(f"{path} {words}") and "\n" not in text, text


def test_what_is_no_image_or_not_whole_is_refused_in_one_line(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (37, 41, 3), dtype=np.uint8)
    whole = {}
    for kind in ("PNG", "JPEG", "GIF", "BMP", "WEBP", "TIFF"):
        file = io.BytesIO()
        Image.fromarray(pixels).save(file, kind)
        whole[kind] = file.getvalue()
    refused(tmp_path / "a.png", b"", "is empty (0 bytes)")
    refused(tmp_path / "b.png", b"hello, I am a text\n", "is not an image")
    refused(tmp_path / "c.png", b"\0\0\0\x18ftypheic\0\0\0\0", "is HEIC or AVIF")
    for kind in ("PNG", "JPEG", "BMP", "TIFF", "WEBP"):
        cut = whole[kind][: len(whole[kind]) // 2]
        refused(tmp_path / f"cut.{kind}", cut, "is damaged or cut off" if kind != "WEBP" else "is")
    refused(tmp_path / "head.jpg", whole["JPEG"][:40], "is ")
    broken = bytearray(whole["PNG"])
    broken[60] ^= 0xFF
    refused(tmp_path / "broken.png", bytes(broken), "is damaged or cut off")


def test_floating_point_levels_are_refused(tmp_path):
    Image.fromarray(np.zeros((5, 7), np.float32)).save(tmp_path / "x.tif")
    with pytest.raises(ImageFileError, match="floating-point levels, whose range is not known"):
        read_image(tmp_path / "x.tif", 1, (5, 7))


@pytest.mark.parametrize("side", [9_500, 20_000])
def test_a_small_file_of_an_enormous_image_is_refused_before_it_is_decoded(tmp_path, side):
    path = tmp_path / "bomb.png"
    path.write_bytes(png(side, side, 8, 0, [bytes(10)]))
    with pytest.raises(ImageFileError, match="has more than 89,478,485 pixels; make it smaller"):
        read_image(path, 1, (8, 8))


def test_a_missing_file_a_folder_a_pipe_and_a_forbidden_file_say_so(tmp_path, monkeypatch):
    with pytest.raises(ImageFileError, match=r"none.png: no such file; check the name"):
        read_whole(tmp_path / "none.png")
    with pytest.raises(ImageFileError, match="is a folder, not an image file"):
        read_whole(tmp_path)
    os.mkfifo(tmp_path / "pipe.png")
    with pytest.raises(ImageFileError, match="is a pipe or a device, not an image file"):
        read_whole(tmp_path / "pipe.png")

    def forbidden(*_, **__):
        raise PermissionError

    monkeypatch.setattr(Path, "open", forbidden)
    with pytest.raises(ImageFileError, match="may not be read"):
        read_whole(tmp_path / "x.png")


def test_files_are_listed_in_order_without_those_of_an_operating_system(tmp_path):
    for name in ("b/2.PNG", "b/10.jpg", "a/x.jpeg", "notes.txt", ".DS_Store", "b/Thumbs.db"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    for name in ("__MACOSX/._x.png", ".hidden/y.png", "b/._2.PNG"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "a" / "again").symlink_to(tmp_path, target_is_directory=True)
    (tmp_path / "c").symlink_to(tmp_path / "b", target_is_directory=True)
    names = [str(path.relative_to(tmp_path)) for path in visible_files(tmp_path)]
    assert names == ["a/x.jpeg", "b/10.jpg", "b/2.PNG", "notes.txt"]
    assert [path.name for path in image_paths(tmp_path)] == ["x.jpeg", "10.jpg", "2.PNG"]


def test_a_link_to_a_folder_elsewhere_is_followed(tmp_path):
    (tmp_path / "else").mkdir()
    (tmp_path / "else" / "x.png").touch()
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw" / "train").symlink_to(tmp_path / "else", target_is_directory=True)
    assert image_paths(tmp_path / "raw") == [tmp_path / "raw" / "train" / "x.png"]


def test_the_limit_of_pixels_is_that_of_pillow():
    assert image_file.LARGEST == Image.MAX_IMAGE_PIXELS
