"""The server of the built book: its port, its 404 page, its address."""

import socket
import threading
from contextlib import contextmanager
from http.client import HTTPConnection

import pytest

from tools import serve


@pytest.fixture
def book(tmp_path):
    (tmp_path / "index.html").write_text("the book")
    (tmp_path / "404.html").write_text("no such page")
    return tmp_path


@contextmanager
def serving(folder, port):
    with serve.bind(folder, port) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server.server_address
        finally:
            server.shutdown()
            thread.join()


def get(address, page):
    connection = HTTPConnection(*address, timeout=5)
    try:
        connection.request("GET", page)
        answer = connection.getresponse()
        return answer.status, answer.read().decode(), answer
    finally:
        connection.close()


def test_only_this_machine_is_served(book):
    with serving(book, 8200) as (host, _):
        assert host == "127.0.0.1"


def test_a_page_is_never_served_stale(book):
    with serving(book, 8200) as address:
        status, text, answer = get(address, "/")
        assert (status, text) == (200, "the book")
        assert answer.headers["Cache-Control"] == "no-cache"


def test_a_missing_page_is_answered_by_the_book(book):
    with serving(book, 8200) as address:
        assert get(address, "/nowhere.html")[:2] == (404, "no such page")


def test_a_taken_port_is_left_to_its_owner(book):
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = other.getsockname()[1]
        with serving(book, taken) as (_, port):
            assert port != taken


def test_a_book_not_built_is_said_to_be_missing(tmp_path):
    with pytest.raises(SystemExit, match="make book"):
        serve.main(tmp_path)


@pytest.mark.parametrize("given", ["abc", "", "-1", "0", "65536", "80.5", "٣"])
def test_what_is_no_port_is_refused_by_name(given, book):
    with pytest.raises(SystemExit) as refused:
        serve.main(book, given)
    assert refused.value.code == (
        f"PORT is {given!r}, and must be a whole number from 1 to 65535."
    )


def test_the_last_port_is_followed_by_none(book, monkeypatch):
    monkeypatch.setattr(serve, "answers", lambda port: True)
    with pytest.raises(SystemExit, match="from 65535 to 65535"):
        serve.bind(book, serve.LAST_PORT)
