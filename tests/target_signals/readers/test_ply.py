"""The PLY reader on files written here by hand, in every encoding, and on broken ones."""

import contextlib
import struct

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from common.errors import UsageError
from target_signals.readers.ply import read_ply

VERTICES = [(0, 0, 0), (1, 0, 0), (1, 1, 0), (0, 1, 0), (0.5, 0.5, 1)]
TRIANGLES = [(0, 1, 4), (1, 2, 4), (2, 3, 4), (3, 0, 4)]
FORMATS = {"ascii": "", "binary_little_endian": "<", "binary_big_endian": ">"}


def header(form, vertices, faces, newline="\n", index="vertex_indices"):
    lines = ["ply", f"format {form} 1.0", "comment by hand", f"element vertex {vertices}", "property float x"]
    lines += ["property double y", "property uchar colour", "property float z", "element strip 0"]
    lines += ["property list int int points", f"element face {faces}", "property short flag"]
    lines += [f"property list uchar int {index}", "end_header", ""]
    return newline.join(lines).encode()


def body(form, vertices, faces):
    order = FORMATS[form]
    if order:
        data = b"".join(struct.pack(f"{order}fdBf", x, y, 200, z) for x, y, z in vertices)
        return data + b"".join(struct.pack(f"{order}hB{len(face)}i", -7, len(face), *face) for face in faces)
    lines = [f"{x} {y} 200 {z}" for x, y, z in vertices]
    return "\n".join(lines + [f"-7 {len(face)} {' '.join(map(str, face))}" for face in faces]).encode()


def write(path, form, faces, vertices=VERTICES, **options):
    path.write_bytes(header(form, len(vertices), len(faces), **options) + body(form, vertices, faces))
    return path


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("index", ["vertex_indices", "vertex_index"])
def test_triangles_in_every_encoding(tmp_path, form, index):
    vertices, faces = read_ply(write(tmp_path / "a.ply", form, TRIANGLES, index=index))
    assert (vertices.dtype, faces.dtype) == (np.float64, np.int64)
    assert vertices.tolist() == [list(map(float, v)) for v in VERTICES]
    assert faces.tolist() == [list(face) for face in TRIANGLES]


@pytest.mark.parametrize("form", FORMATS)
def test_polygons_become_fans(tmp_path, form):
    _, faces = read_ply(write(tmp_path / "a.ply", form, [(0, 1, 2, 3), *TRIANGLES]))
    assert faces.tolist() == [[0, 1, 2], [0, 2, 3], *(list(face) for face in TRIANGLES)]
    _, faces = read_ply(write(tmp_path / "b.ply", form, [(0, 1, 2, 3), (3, 2, 1, 4)]))
    assert faces.tolist() == [[0, 1, 2], [0, 2, 3], [3, 2, 1], [3, 1, 4]]


def test_windows_line_ends(tmp_path):
    _, faces = read_ply(write(tmp_path / "a.ply", "binary_big_endian", TRIANGLES, newline="\r\n"))
    assert len(faces) == 4


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize(
    ("faces", "text"),
    [
        ([(0, 1, 5)], "names none of the 5 vertices"),
        ([(0, 1, -1)], "names none of the 5 vertices"),
        ([(0, 1)], "fewer than three corners"),
        ([(0, 1, 2), (0, 1)], "fewer than three corners"),
        ([], "no faces with vertex_indices"),
    ],
)
def test_faces_that_make_no_mesh(tmp_path, form, faces, text):
    with pytest.raises(UsageError, match=text):
        read_ply(write(tmp_path / "a.ply", form, faces))


@pytest.mark.parametrize("form", FORMATS)
def test_a_truncated_file_says_where(tmp_path, form):
    path = write(tmp_path / "a.ply", form, TRIANGLES)
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(UsageError, match=r"a.ply' cannot be read as a PLY mesh: it ends within the rows of 'face'"):
        read_ply(path)


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"", "first line is not 'ply'"),
        (b"solid cube", "first line is not 'ply'"),
        (b"ply\nformat ascii 1.0\n", "header has no end"),
        (b"ply\nformat middle_endian 1.0\n", "format middle_endian"),
        (b"ply\nformat ascii 1.0\nelement vertex many\n", "element vertex many"),
        (b"ply\nformat ascii 1.0\nproperty float x\n", "property float x"),
        (b"ply\nend_header\n", "end_header"),
        (header("ascii", 1, 1) + b"nan 0 0 0\n0 3 0 0 0", "is not finite"),
        (header("ascii", 1, 1) + b"zero 0 0 0\n0 3 0 0 0", "could not convert"),
        (header("ascii", 1, 1).replace(b"float z", b"float w") + b"0 0 0 0\n0 3 0 0 0", "no vertices with x, y, z"),
    ],
)
def test_other_files_are_refused_in_one_line(tmp_path, content, text):
    (tmp_path / "a.ply").write_bytes(content)
    with pytest.raises(UsageError, match=text):
        read_ply(tmp_path / "a.ply")


def test_a_missing_file(tmp_path):
    with pytest.raises(UsageError, match="No such file"):
        read_ply(tmp_path / "a.ply")


@given(st.sampled_from(sorted(FORMATS)), st.binary(max_size=60), st.integers(0, 3), st.integers(0, 3))
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_follows_the_header_gives_a_mesh_or_a_usage_error(tmp_path, form, data, vertices, faces):
    (tmp_path / "a.ply").write_bytes(header(form, vertices, faces) + data)
    with contextlib.suppress(UsageError):
        assert read_ply(tmp_path / "a.ply")[0].shape == (vertices, 3)
