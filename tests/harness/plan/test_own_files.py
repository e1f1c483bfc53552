"""What paths and folders of a person's own files are taken for, and what is refused before anything runs."""

import shutil

import numpy as np
import pytest
from PIL import Image

from common.errors import UsageError
from harness.plan import own_files as module
from harness.plan.own_files import dataset_of, own_files


def picture(path, shape=(6, 8, 3), seed=0):
    path.parent.mkdir(exist_ok=True)
    values = np.random.default_rng(seed).integers(0, 255, shape, np.uint8)
    Image.fromarray(values).save(path)
    return str(path)


@pytest.fixture
def folder(tmp_path):
    """Two pictures of different shapes, and what is no picture."""
    picture(tmp_path / "set" / "b.png", (6, 8, 3))
    picture(tmp_path / "set" / "a b.PNG", (5, 9, 3), 1)
    (tmp_path / "set" / "notes.txt").write_text("words")
    (tmp_path / "set" / ".hidden.png").write_text("words")
    (tmp_path / "set" / "more").mkdir()
    return tmp_path / "set"


def test_a_folder_stands_for_the_pictures_in_it(folder):
    files, notes = own_files([str(folder)], None)
    assert [(file.path, file.shape, file.channels, file.kind) for file in files] == [
        (str(folder / "a b.PNG"), (5, 9), 3, "image"),
        (str(folder / "b.png"), (6, 8), 3, "image"),
    ]
    assert [file.item[:-9] for file in files] == ["a b.PNG", "b.png"]
    assert notes == [
        "2 files, which are the items of one experiment:",
        "  a b.PNG, b.png: 5×9×3 to 6×8×3, 8-bit RGB, divided by 255",
        f"left out of '{folder}': more/, notes.txt",
    ]


def test_paths_and_folders_come_in_the_order_given(folder, tmp_path):
    one = picture(tmp_path / "one.png", seed=2)
    files, _ = own_files([one, str(folder)], None)
    assert [file.path for file in files] == [one, str(folder / "a b.PNG"), str(folder / "b.png")]


def test_a_data_set_is_called_by_its_folder(folder, tmp_path):
    own, beside = [str(folder)], picture(tmp_path / "one.png", seed=2)
    assert dataset_of(own_files(own, None)[0]) == "set"
    assert dataset_of(own_files([str(folder / "a b.PNG"), str(folder / "b.png")], None)[0]) == "set"
    assert dataset_of(own_files([*own, beside], None)[0]) == tmp_path.name
    assert dataset_of(own_files([beside], None)[0]) is None
    assert dataset_of(own_files([str(folder.rename(tmp_path / "Köln 山"))], None)[0]) == "Köln 山"


def test_one_file_is_told_in_a_line(folder):
    _, notes = own_files([str(folder / "b.png")], None)
    assert notes == [f"{folder / 'b.png'}: 6×8×3, 8-bit RGB, divided by 255"]


def test_the_same_file_counts_once(folder):
    shutil.copy(folder / "b.png", folder / "copy of b.png")
    files, notes = own_files([str(folder), str(folder / "b.png")], None)
    assert [file.item[:-9] for file in files] == ["a b.PNG", "b.png"]
    assert notes[-1] == f"left out, as other files hold the same: {folder / 'copy of b.png'}"


def test_one_picture_in_two_formats_is_pointed_out(folder):
    Image.open(folder / "b.png").save(folder / "B.bmp")
    files, notes = own_files([str(folder)], None)
    assert len(files) == 3
    assert notes[-1] == (
        f"one picture in several formats counts several times: {folder / 'B.bmp'} and {folder / 'b.png'}"
    )


def test_files_of_one_name_are_told_apart(folder, tmp_path):
    same = picture(tmp_path / "more" / "b.png", seed=3)
    files, notes = own_files([str(folder), same], None)
    (said,) = [note for note in notes if "of one name" in note]
    assert said.endswith(f": {files[1].path} is {files[1].item}, {same} is {files[2].item}")


def test_long_lists_are_cut(folder):
    for i in range(8):
        (folder / f"{i}.txt").touch()
    _, notes = own_files([str(folder)], None)
    assert notes[-1] == f"left out of '{folder}': 0.txt, 1.txt, 2.txt, 3.txt, 4.txt and 5 more"


def grey(folder):
    picture(folder / "grey.png", (6, 8))


def volume(folder):
    np.save(folder / "volume.npy", np.random.default_rng(0).random((5, 6, 7)))


def damaged(folder):
    (folder / "bad.png").write_bytes(b"\x89PNG")


def emptied(folder):
    (folder / "b.png").unlink()
    (folder / "a b.PNG").unlink()


def too_many(folder):
    for i in range(2):
        picture(folder / f"{i}.png", seed=i)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (grey, "grey.png' has 1 channel and '.*a b.PNG' 3 channels, which share a budget; run them apart"),
        (volume, "a b.PNG' has dim 2 and '.*volume.npy' dim 3; run images and volumes apart"),
        (damaged, "bad.png' cannot be used: its content is of none of PNG"),
        (emptied, "set' is a folder without files of a known format or DICOM; known: .png"),
        (too_many, "4 files are named, and one run takes up to 3; give some at a time, all with one --out"),
    ],
)
def test_what_is_no_data_set_is_refused(folder, monkeypatch, change, says):
    monkeypatch.setattr(module, "MOST", 3)
    change(folder)
    with pytest.raises(UsageError, match=says):
        own_files([str(folder)], None)
