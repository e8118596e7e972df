"""Files as streams: what packs them, what encodes them, and that damage loses nothing before it."""

from __future__ import annotations

import bz2
from collections.abc import Callable
from functools import partial
import gzip
import io
import lzma
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
import pytest

from spoilerguard.errors import InputError
from spoilerguard.files.streams import (
    base_name,
    damage,
    encoding_named,
    guess_encoding,
    has_plain_lines,
    packing,
    transcoded,
    unpacked,
)


def zstd(data: bytes) -> bytes:
    return bytes(pytest.importorskip("zstandard").ZstdCompressor().compress(data))


PACKS: dict[str | None, Callable[[bytes], bytes]] = {
    None: bytes,
    "gzip": gzip.compress,
    "bzip2": partial(bz2.compress, compresslevel=1),  # small blocks: what comes before a fault is there
    "xz": partial(lzma.compress, preset=0),
    "zstd": zstd,
}


def opened(path: Path, data: bytes) -> io.BufferedReader:
    path.write_bytes(data)
    return unpacked(path.open("rb"))


@pytest.mark.parametrize("name", PACKS)
@pytest.mark.parametrize("size", [1, 200_000])
def test_what_was_packed_is_unpacked(tmp_path: Path, name: str | None, size: int) -> None:
    data = bytes(number * number % 251 for number in range(size))
    packed = PACKS[name](data)
    assert packing(packed) == name
    with opened(tmp_path / "x", packed * 2) as stream:
        assert stream.read() == data * 2
    assert stream.closed


@pytest.mark.parametrize("name", [name for name in PACKS if name])
def test_all_lines_before_damage_are_read(tmp_path: Path, name: str) -> None:
    data = b"".join(b"%d %x\n" % (n, n * 0x9E3779B97F4A7C15 % 2**64) for n in range(10_000))
    packed = PACKS[name](data)
    found = b""
    with opened(tmp_path / "x", packed[: len(packed) * 3 // 4]) as stream:
        try:
            while line := stream.readline():
                found += line
        except damage():
            pass
        else:
            raise AssertionError("a file that is cut off was taken for one that ends")
    assert data.startswith(found)
    assert len(found) > len(data) / 3


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-32"])
def test_other_encodings_become_utf8(tmp_path: Path, encoding: str) -> None:
    text = "Zeile — один\n" * 20_000
    assert not has_plain_lines(encoding)
    with transcoded(opened(tmp_path / "x", gzip.compress(text.encode(encoding))), encoding) as stream:
        assert stream.readline() == "Zeile — один\n".encode()
        assert stream.read() == ("Zeile — один\n" * 19_999).encode()


def test_what_cannot_be_decoded_shows(tmp_path: Path) -> None:
    with transcoded(opened(tmp_path / "x", "ab".encode("utf-16-le") + b"\x00\xd8c\x00d"), "utf-16-le") as stream:
        assert stream.read().decode() == "ab\ufffdc\ufffd"


@pytest.mark.parametrize("encoding", ["utf-8", "UTF8", "cp1252", "latin-1", "shift_jis", "gb18030", "ascii"])
def test_encodings_whose_lines_can_be_found(encoding: str) -> None:
    assert has_plain_lines(encoding_named(encoding))


@pytest.mark.parametrize(
    ("name", "one"), [("UTF8", "utf-8"), ("utf_8_sig", "utf-8"), ("windows-1252", "cp1252"), ("UTF-16LE", "utf-16-le")]
)
def test_an_encoding_has_one_name(name: str, one: str) -> None:
    assert encoding_named(name) == one


@pytest.mark.parametrize(
    "encoding", ["nope", "hex", "rot13", "idna", "punycode", "", "a\0b", "undefined", "utf-7", "unicode_escape"]
)
def test_encodings_that_are_none(encoding: str) -> None:
    with pytest.raises(InputError, match="unknown encoding"):
        encoding_named(encoding)


@pytest.mark.parametrize(
    ("sample", "encoding"),
    [
        (b"", "utf-8"),
        (b"plain", "utf-8"),
        ("Café".encode(), "utf-8"),
        ("Café".encode("utf-8-sig"), "utf-8"),
        ("Café, closed".encode("cp1252"), "cp1252"),
        ("“Fine” – he said".encode("cp1252"), "cp1252"),
        ("Café, plain".encode("utf-16"), "utf-16"),
        ("id,text\n".encode("utf-16-le"), "utf-16-le"),
        ("id,text\n".encode("utf-16-be"), "utf-16-be"),
        ("Café".encode("utf-32"), "utf-32"),
        ("Café".encode()[:-1], "utf-8"),  # the sample ends in half a character
        ("один два".encode() + b"\xff", "utf-8"),  # one broken byte does not make it another encoding
        (b"a\0b,c\r\n" * 9, "utf-8"),
    ],
)
def test_encodings_are_guessed(sample: bytes, encoding: str) -> None:
    assert guess_encoding(sample) == encoding


@given(st.text(st.characters(codec="utf-8", exclude_characters="\0")))
def test_what_is_utf8_is_taken_for_it(text: str) -> None:
    assert guess_encoding(text.encode()) == "utf-8" or text.startswith(("\ufeff",))


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("a/x.CSV.gz", ("x", ".csv")),
        ("x.tar.gz", ("x.tar", "")),
        ("RC_2020-01.zst", ("RC_2020-01", "")),
        ("x.jsonl", ("x", ".jsonl")),
        ("x", ("x", "")),
        (".csv", (".csv", "")),
    ],
)
def test_base_names(name: str, parts: tuple[str, str]) -> None:
    assert base_name(Path(name)) == parts
