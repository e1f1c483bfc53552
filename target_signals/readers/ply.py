"""Triangle meshes in the PLY format of Stanford's scans: text, and binary of either byte order.

Source: G. Turk, "The PLY Polygon File Format", Stanford 1994. A text header declares elements
(vertex, face, …) and their properties; then come the elements' rows, one element after another.
"""

import itertools
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import numpy as np

from common.errors import UsageError

BYTE_ORDERS = {"ascii": "", "binary_little_endian": "<", "binary_big_endian": ">"}
TYPES = {"char": "i1", "uchar": "u1", "short": "i2", "ushort": "u2", "int": "i4", "uint": "u4", "float": "f4"}
TYPES |= {"int8": "i1", "uint8": "u1", "int16": "i2", "uint16": "u2", "int32": "i4", "uint32": "u4", "float32": "f4"}
TYPES |= {"double": "f8", "float64": "f8"}
LONGEST_LINE = 4096  # bytes of a header line; a file without line breaks is no PLY file

Column = np.ndarray | list[np.ndarray]  # [rows, n], or one array a row where lists differ in length


@dataclass
class Element:
    """A declared table. properties: (name, type of its values, type of the count before a list or None)."""

    name: str
    count: int
    properties: list[tuple[str, str, str | None]] = field(default_factory=list)


def read_ply(path: str | Path) -> tuple[np.ndarray, np.ndarray]:
    """The vertices [V, 3], float64, and faces [F, 3], int64 indices; polygons are cut into fans.

    Raises UsageError for a file that holds no such mesh.
    """
    try:
        with Path(path).open("rb") as file:
            order, elements = _read_header(file)
            tables = {element.name: _read_rows(file, element, order) for element in elements}
        vertex, face = tables.get("vertex", {}), tables.get("face", {})
        polygons = face.get("vertex_indices", face.get("vertex_index"))
        if not {"x", "y", "z"} <= vertex.keys() or polygons is None or not len(polygons):
            raise ValueError("it has no vertices with x, y, z or no faces with vertex_indices")
        vertices = np.concatenate([np.asarray(vertex[axis]) for axis in "xyz"], axis=1).astype(np.float64)
        faces = _fans(polygons)
        if not np.isfinite(vertices).all() or faces.min() < 0 or faces.max() >= len(vertices):
            raise ValueError(f"a vertex is not finite, or a face names none of the {len(vertices)} vertices")
    except (OSError, ValueError, OverflowError) as error:
        raise UsageError(f"'{path}' cannot be read as a PLY mesh: {error}; give a triangle mesh") from error
    return vertices, faces


def _read_header(file: BinaryIO) -> tuple[str, list[Element]]:
    """The byte order ("" for text) and the elements, in the file's order."""
    if file.readline(LONGEST_LINE).strip() != b"ply":
        raise ValueError("its first line is not 'ply'")
    order: str | None = None
    elements: list[Element] = []
    while line := file.readline(LONGEST_LINE):
        match line.decode("ascii", "replace").split():
            case ["format", name, *_] if name in BYTE_ORDERS:
                order = BYTE_ORDERS[name]
            case ["comment" | "obj_info", *_] | []:
                pass
            case ["element", name, count] if count.isdecimal():
                elements.append(Element(name, int(count)))
            case ["property", "list", count_type, kind, name] if elements and {count_type, kind} <= TYPES.keys():
                elements[-1].properties.append((name, TYPES[kind], TYPES[count_type]))
            case ["property", kind, name] if elements and kind in TYPES:
                elements[-1].properties.append((name, TYPES[kind], None))
            case ["end_header"] if order is not None:
                return order, elements
            case _:
                raise ValueError(f"its header has the line {line[:60]!r}")
    raise ValueError("its header has no end")


def _read_rows(file: BinaryIO, element: Element, order: str) -> dict[str, Column]:
    """Every property's column, by name."""
    if element.count == 0:
        return {}
    start = file.tell()
    widths = [len(values) for values in _read_row(file, element, order)]
    file.seek(start)
    fields = []  # as if every list were as long as in the first row, which nearly always holds
    for (name, kind, count_type), width in zip(element.properties, widths, strict=True):
        if count_type:
            fields.append((f"{name} count", order + count_type, (1,)))
        fields.append((name, order + kind, (width,)))
    table = _binary_table(file, element.count, fields) if order else _text_table(file, element.count, fields)
    expected = {f"{name} count": n for (name, *_), n in zip(element.properties, widths, strict=True)}
    if table is not None and all((table[name] == n).all() for name, n in expected.items() if name in table):
        return {name: table[name] for name, *_ in element.properties}
    file.seek(start)
    rows = [_read_row(file, element, order) for _ in range(element.count)]
    return {name: [row[k] for row in rows] for k, (name, *_) in enumerate(element.properties)}


def _binary_table(file: BinaryIO, count: int, fields: list) -> dict[str, np.ndarray] | None:
    row = np.dtype(fields)
    data = file.read(row.itemsize * count)
    if len(data) < row.itemsize * count:
        return None
    table = np.frombuffer(data, row)
    return {name: table[name] for name, *_ in fields}


def _text_table(file: BinaryIO, count: int, fields: list) -> dict[str, np.ndarray] | None:
    lines = list(itertools.islice(file, count))
    try:
        table = np.loadtxt(lines, dtype=np.float64, comments=None, ndmin=2)  # float64 holds every 32-bit index
    except ValueError:  # rows differ in length
        return None
    ends = np.cumsum([width for *_, (width,) in fields])
    if table.shape != (count, ends[-1]):
        return None
    return {name: block for (name, *_), block in zip(fields, np.split(table, ends[:-1], axis=1), strict=True)}


def _read_row(file: BinaryIO, element: Element, order: str) -> list[np.ndarray]:
    """One row: an array for each property, of one value unless it is a list."""
    words = iter(() if order else file.readline().split())

    def take(kind: str, n: int) -> np.ndarray:
        if order:
            layout = np.dtype(order + kind)
            data = file.read(n * layout.itemsize)
            values = np.frombuffer(data, layout, count=len(data) // layout.itemsize)
        else:
            values = np.array(list(itertools.islice(words, n)), dtype=np.float64)
        if len(values) != n:
            raise ValueError(f"it ends within the rows of '{element.name}'")
        return values

    row = []
    for _, kind, count_type in element.properties:
        n = int(take(count_type, 1)[0]) if count_type else 1
        row.append(take(kind, n))
    return row


def _fans(polygons: Column) -> np.ndarray:
    """Polygons [F, n], or one array of indices each, as triangles around their first corners: [T, 3]."""
    if isinstance(polygons, np.ndarray):
        if polygons.shape[1] < 3:
            raise ValueError("a face has fewer than three corners")
        corners = polygons.astype(np.int64)
        first, second, third = corners[:, :1], corners[:, 1:-1], corners[:, 2:]
        return np.stack(np.broadcast_arrays(first, second, third), axis=-1).reshape(-1, 3)
    return np.concatenate([_fans(polygon[None]) for polygon in polygons])
