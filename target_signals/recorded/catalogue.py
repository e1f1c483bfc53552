"""Every recorded file that a signal can be made of, and the archives that hold them.

Nothing of this is part of the project: DIV2K's images belong to their owners, the chest slice has no
licence at all. Paths are those of a folder that INRBENCH_DATA names, and of the cache.
Sums of archives are as several public records state them; those of files were taken from the files.
"""

from dataclasses import dataclass

MB = 10**6
NUMBERS = ("0064", "0007", "0010", "0029", "0063", "0072", "0079", "0088", "0093", "0131")  # in the paper's order


@dataclass(frozen=True)
class RecordedFile:
    """path: below the data folder, with slashes. sha256, size: None where no record states them."""

    path: str
    sha256: str | None = None
    size: int | None = None  # bytes


@dataclass(frozen=True)
class Archive:
    """A file to download. members: name in the archive → path below the data folder."""

    url: str
    sha256: str
    size: int  # bytes
    members: dict[str, str]

    @property
    def name(self) -> str:
        return self.url.rpartition("/")[2]


@dataclass(frozen=True)
class Source:
    """What is fetched under one name. archive: None where there is no address to fetch from."""

    files: tuple[RecordedFile, ...]
    licence: str
    archive: Archive | None = None

    def has_address(self, file: RecordedFile) -> bool:
        """Whether a file of it can be fetched."""
        return self.archive is not None and file.path in self.archive.members.values()


def low_resolution(number: str) -> str:
    """Where a photograph's ×4 file lies below a folder of recorded data."""
    return f"div2k/lr_x4/{number}x4.png"


def high_resolution(number: str) -> str:
    """Where a photograph's original lies."""
    return f"div2k/hr/{number}.png"


CHEST = "chest/chest.png"
DRAGON_MESH = "dragon/dragon_vrip.ply"

_DIV2K_LICENCE = "academic research only; the images belong to their owners; do not redistribute"
_DIV2K_URL = "https://data.vision.ee.ethz.ch/cvl/DIV2K"
_LOW = {
    "0064": ("c59591e8a6062a13515ed393fdf65843aab3f52f08e12d104336046256cb227b", 269478),
    "0007": ("aaf550e3c6e121a262f0cf4c16f9794d0ab63ff41d337327ed807b2f22758324", 365203),
    "0010": ("92018611d6a41ad69796db7ab09d84a35fb0be306a6ac3f6804e091a0e92df34", 393734),
    "0029": ("ed12863605d3c823a4d4e7224d56b8449726b0acc9d928afb15a3624b41cbda2", 406239),
    "0063": ("c1de048a40723f56d6dee7950c97bcfc1a730afe06a0ad32bd0562951974249f", 506137),
    "0072": ("e0366c44f84f6a33b0cac3f69c27e6f65b4b4994a5c1cad60679c7bd920a1901", 304046),
    "0079": ("54075cb0acd02dc7d5e7512352c83688be3e3f0e2fcabf4fc22bd3ab730b4168", 263954),
    "0088": ("bad47a0f6e8fbf4283c2d510305e2819ad187a4e061b3a473d70458e68399e9e", 292201),
    "0093": ("038402e40fcc011a8e6862710b804f2f4a9015b4d6f8efa55015c0c55973a253", 368731),
    "0131": ("86e12a9f872ac31c490d2c657847942c62d44a236e601c7e819add326d2c075d", 238621),
}
_HIGH = {
    "0064": ("bfdb89ac1bfa888b34bf15146430116c1c7be4e7bc3b866197c57e3c75bc25cb", 3498908),
    "0079": ("1a3f88127a839182a791432302b38293970dfe4f928d40c73fafb3d412c8639c", 3885643),
    "0088": ("1a0e0bb1984074c83b76c5ecf2167f0bdd878d2db9ad3689d16752d04157de71", 3685920),
    "0131": ("9cda6bf4d1f0f2c2eb6691ff54c2448970b725ea768595f702c3f5f9787ce46b", 4158566),
}
_DRAGON = {
    "dragon/dragon.npy": ("35a8a96df564e9b8d549a2f155bcac8c28185d4a04b1801dfef9174816f398c0", 1002272),
    "dragon/dragon_sparse.npy": ("bf754af3a701f9075e24cce78481f0a369c1c55b46b1c1b062e96f681d637f3a", 1002272),
    "dragon/dragon_sr.npy": ("4addf23471fc8f8bf808ea59b982be69c4e5274cd1cf24f6c94fa4443e467813", 2000760),
    "dragon/dragon_sr_sparse.npy": ("7a1012966286af5a823245881f423e37f7079174d7c6bfc806ed9743d42187c7", 1985488),
    # the same sum and size in three public projects that pin the scan
    DRAGON_MESH: ("fea87ff48f2aba22fb53e7b67c3ff3f7b8c2a3b3a0653af62c48bba67c6d5744", 33831477),
}

SOURCES = {
    "DIV2K": Source(
        tuple(RecordedFile(low_resolution(number), *_LOW[number]) for number in NUMBERS),
        _DIV2K_LICENCE,
        Archive(
            f"{_DIV2K_URL}/DIV2K_train_LR_bicubic_X4.zip",
            "f006b837f4eb52b82909aa01478e6d6d199eefce932179491d0c9dbb706dde3a",
            246914039,
            {f"DIV2K_train_LR_bicubic/X4/{number}x4.png": low_resolution(number) for number in NUMBERS},
        ),
    ),
    "DIV2K_HR": Source(  # six of these have no recorded sum of their own, only the archive's
        tuple(RecordedFile(high_resolution(number), *_HIGH.get(number, (None, None))) for number in NUMBERS),
        _DIV2K_LICENCE,
        Archive(
            f"{_DIV2K_URL}/DIV2K_train_HR.zip",
            "9d0b9c463f6e35b6c62cc6a930ee2224f670b34c1df841a57670f9acf0f6c335",
            3530603713,
            {f"DIV2K_train_HR/{number}.png": high_resolution(number) for number in NUMBERS},
        ),
    ),
    "Dragon": Source(  # the volumes are the paper's and have no address; the mesh they came from has one
        tuple(RecordedFile(path, *record) for path, record in _DRAGON.items()),
        "Stanford 3D Scanning Repository: research use with credit; commercial use needs permission",
        Archive(
            "https://graphics.stanford.edu/pub/3Dscanrep/dragon/dragon_recon.tar.gz",
            "74ac1d90989c9b1732edee82d57e9ce71452144cf4355f108d8c9c616d28d02f",
            11197764,
            {"dragon_recon/dragon_vrip.ply": DRAGON_MESH},
        ),
    ),
    "ChestCT": Source(
        (RecordedFile(CHEST, "8690d234c3cabdb7758d62457e20b0c7b09cf063e324c27de8c69fd8f0c54072", 189857),),
        "no licence found and no official address: never downloaded, read from INRBENCH_DATA only; do not redistribute",
    ),
}
