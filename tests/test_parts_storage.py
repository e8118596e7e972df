"""Files on shared storage behave as files on disk do: read, listed, replaced, and in their errors."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
import errno
import os
from pathlib import Path
from typing import Any

from buckets import filesystem, forget, packed, records, s3_server
from hypothesis import given, settings
from hypothesis import strategies as st
import pytest

import spoilerguard as sg
from spoilerguard.archives import Cursor, open_archive
from spoilerguard.files import storage
from spoilerguard.files.storage import STORES, is_url, joined, listed, opened, put, read_many, remove, stored

pytest.importorskip("s3fs")
pytest.importorskip("moto")


@pytest.fixture(scope="module", autouse=True)
def server() -> Iterator[dict[str, str]]:
    with s3_server() as environment:
        yield environment


CONTENT = bytes(range(256)) * 64


@pytest.fixture(scope="module")
def there(server: dict[str, str]) -> str:
    put(CONTENT, "s3://bucket/places/content.bin")
    return "s3://bucket/places/content.bin"


@given(
    st.lists(st.tuples(st.integers(0, len(CONTENT) + 9), st.integers(0, 4_000)), min_size=1, max_size=4),
    st.booleans(),
)
@settings(max_examples=25)
def test_every_place_of_a_file_reads_as_on_disk(there: str, reads: list[tuple[int, int]], places: bool) -> None:
    with opened(there, places=places) as file:
        for place, size in reads:
            file.seek(place)
            assert file.read(size) == CONTENT[place : place + size]
            assert file.tell() == place + len(CONTENT[place : place + size])


@pytest.mark.parametrize("suffix", [".parquet", ".jsonl", ".jsonl.gz", ".jsonl.zst"])
def test_an_archive_reads_as_on_disk_from_any_cursor(tmp_path: Path, suffix: str) -> None:
    data = packed(records("a", 40), suffix)
    here, far = tmp_path / f"a{suffix}", f"s3://bucket/archives/a{suffix}"
    here.write_bytes(data)
    put(data, far)
    one, other = open_archive(here), open_archive(far)
    posts = list(one.posts())
    assert list(other.posts()) == posts
    assert (other.described, other.size, other.kind) == (one.described, len(data), one.kind)
    for _, cursor in posts[::9]:
        assert list(other.posts(cursor)) == posts[cursor.number :]
    assert other.posts(Cursor(0, 0, 0)) is not None
    before = other.fingerprint()
    assert before["files"][0]["size"] == len(data)
    put(packed(records("b", 40), suffix), far)
    assert other.fingerprint() != before


@pytest.mark.parametrize("where", ["s3://bucket/tree", "disk"])
def test_a_source_is_a_file_a_folder_or_a_pattern(tmp_path: Path, where: str) -> None:
    root = str(tmp_path / "tree") if where == "disk" else where
    for name in ("b.jsonl", "a.jsonl", "year=2024/c.jsonl", "year=2025/d.parquet"):
        put(name.encode(), joined(root, name))
    every = ["a.jsonl", "b.jsonl", "year=2024/c.jsonl", "year=2025/d.parquet"]
    expected = {
        root: every,
        f"{root}/": every,
        f"{root}/*.jsonl": every[:2],
        f"{root}/[b-z].jsonl": ["b.jsonl"],
        f"{root}/year=*/*": every[2:],
        f"{root}/**/*.jsonl": every[:3],
        f"{root}/a.jsonl": ["a.jsonl"],
        f"{root}/none": [],
        f"{root}/none/*": [],
    }
    for source, names in expected.items():
        files = listed(source)
        assert [file.name for file in files] == names, source
        assert [file.path for file in files] == [joined(root, name) for name in names], source
        assert [file.size for file in files] == [len(name) for name in names]
    assert stored(f"{root}/a.jsonl")[2:] == listed(f"{root}/a.jsonl")[0][2:]


@pytest.mark.parametrize("where", ["s3://bucket/changing", "disk"])
def test_a_file_is_replaced_and_its_version_changes(tmp_path: Path, where: str) -> None:
    root = str(tmp_path / "changing") if where == "disk" else where
    put(b"one", joined(root, "x"))
    first = stored(joined(root, "x"))
    (tmp_path / "new").write_bytes(b"two, which is longer")
    put(tmp_path / "new", joined(root, "x"))
    assert stored(joined(root, "x")).version != first.version
    assert list(read_many([joined(root, "x")] * 2)) == [b"two, which is longer"] * 2
    put(b"three", joined(root, "x[1]*"))
    assert list(read_many([joined(root, "x[1]*"), joined(root, "x")])) == [b"three", b"two, which is longer"]
    remove([joined(root, "x[1]*")])
    assert [file.name for file in listed(root)] == ["x"]
    remove([joined(root, "x")])
    remove([])
    assert listed(root) == []


def test_a_large_file_is_sent_in_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(STORES, "s3", replace(STORES["s3"], upload=STORES["s3"].upload | {"chunksize": 5 << 20}))
    content = os.urandom(1 << 20) * 11
    (tmp_path / "large").write_bytes(content)
    put(tmp_path / "large", "s3://bucket/large")
    assert stored("s3://bucket/large").version.strip('"').endswith("-3")  # S3's mark of three pieces
    with opened("s3://bucket/large") as file:
        assert file.read() == content


def test_errors_are_those_of_a_disk() -> None:
    for reading in (lambda: opened("s3://bucket/none"), lambda: stored("s3://bucket/none")):
        with pytest.raises(FileNotFoundError) as caught:
            reading()
        assert caught.value.errno == errno.ENOENT
        assert caught.value.strerror
    with pytest.raises(OSError, match="s3://bucket/none"):
        list(read_many(["s3://bucket/none"]))
    with pytest.raises(OSError, match="s3://no-such-bucket/x"):
        put(b"x", "s3://no-such-bucket/x")


def test_a_file_that_goes_while_it_is_read_is_an_error_and_no_end(monkeypatch: pytest.MonkeyPatch) -> None:
    put(CONTENT * 10, "s3://bucket/going")
    monkeypatch.setattr(storage, "_AHEAD", 1_000)
    with opened("s3://bucket/going") as file:
        assert file.read(100) == CONTENT[:100]
        filesystem().rm("bucket/going")
        file.seek(100_000)
        with pytest.raises(OSError, match="s3://bucket/going") as caught:
            file.read(100)
        assert caught.value.errno is not None


def test_without_credentials_it_says_how_to_give_them(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    forget()
    try:
        with pytest.raises(sg.SpoilerguardError, match=r"s3://bucket/x: no credentials .*set AWS_ACCESS_KEY_ID and"):
            stored("s3://bucket/x")
    finally:
        forget()


def test_a_wrong_key_is_no_damage_of_the_file(there: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*arguments: Any, **options: Any) -> Any:
        raise PermissionError("Forbidden")  # as s3fs raises it: without a number

    fs, inside, url = storage._reached(there)
    monkeypatch.setattr(fs, "open", refused)
    monkeypatch.setattr(storage, "_reached", lambda path: (fs, inside, url))
    with pytest.raises(sg.InputError, match=r"content\.bin: cannot be read \(Forbidden\)"):
        list(open_archive(there, format="jsonl").posts())


@pytest.mark.parametrize("scheme", STORES)
def test_every_store_is_one_that_fsspec_knows(scheme: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from fsspec.registry import known_implementations

    assert is_url(f"{scheme}://bucket/x")
    assert known_implementations[scheme]["class"].startswith(STORES[scheme].library)
    monkeypatch.setattr("fsspec.core.url_to_fs", lambda *_, **__: (_ for _ in ()).throw(ImportError("none")))
    with pytest.raises(
        sg.InputError, match=f"{STORES[scheme].library} is not installed; on every machine: pip install"
    ):
        opened(f"{scheme}://bucket/x")


def test_databases_and_paths_are_no_urls_of_files() -> None:
    for path in ("sqlite:///x.db", "postgresql://host/db", "s3:/x", "x://y", "comments.jsonl", Path("s3")):
        assert not is_url(path)
