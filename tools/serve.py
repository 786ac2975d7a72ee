"""Serve the built book to this machine's browser.

python tools/serve.py [folder] [port]
python tools/serve.py --check port

With --check nothing is served: it stops where no port has this number.
"""

import socket
import sys
from functools import partial
from http import HTTPStatus
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

BUILT = Path(__file__).resolve().parent.parent / "_build" / "html"
DEFAULT_PORT = 8000
LAST_PORT = 65535


class Handler(SimpleHTTPRequestHandler):
    """Serve files as a web host would: never stale, with the book's own 404 page."""

    # Windows takes types from its registry, where .js may be text/plain; a browser
    # then refuses the script.
    extensions_map = SimpleHTTPRequestHandler.extensions_map | {
        ".css": "text/css",
        ".js": "text/javascript",
        ".svg": "image/svg+xml",
        ".woff2": "font/woff2",
    }

    def end_headers(self) -> None:
        """Have the browser ask again, so that a rebuilt page shows at once."""
        self.send_header("Cache-Control", "no-cache")
        super().end_headers()

    def send_error(self, code, message=None, explain=None) -> None:
        """Answer a missing page with 404.html where the book has one."""
        page = Path(self.directory, "404.html")
        if code != HTTPStatus.NOT_FOUND or not page.is_file():
            super().send_error(code, message, explain)
            return
        body = page.read_bytes()
        self.send_response(code)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        """Say nothing of each request."""


class Server(ThreadingHTTPServer):
    """A server that never shares its port with another program."""

    daemon_threads = True
    # On Windows and macOS, reusing an address can hide the program that has it.
    allow_reuse_address = sys.platform == "linux"


def bind(folder: Path, first: int) -> Server:
    """Return a server on the first free port, counting up from `first`."""
    handler = partial(Handler, directory=str(folder))
    ports = range(first, min(first + 100, LAST_PORT + 1))
    for port in ports:
        if answers(port):
            continue
        try:
            return Server(("127.0.0.1", port), handler)
        except OSError:
            continue
    raise SystemExit(f"No port from {first} to {ports[-1]} is free.")


def answers(port: int) -> bool:
    """Return whether something listens on the port, on IPv4 or IPv6."""
    try:
        socket.create_connection(("localhost", port), timeout=0.2).close()
    except OSError:
        return False
    return True


def port_number(given: str | int) -> int:
    """Return the port that is asked for, or stop and say what one is."""
    text = str(given)
    if text.isascii() and text.isdigit() and 1 <= int(text) <= LAST_PORT:
        return int(text)
    raise SystemExit(
        f"PORT is {text!r}, and must be a whole number from 1 to {LAST_PORT}."
    )


def main(folder: str | Path = BUILT, port: str | int = DEFAULT_PORT) -> None:
    """Serve until interrupted."""
    folder, port = Path(folder), port_number(port)
    if not (folder / "index.html").is_file():
        raise SystemExit(f"There is no built book in {folder}; build it: make book")
    with bind(folder, port) as server:
        if server.server_port != port:
            print(f"Port {port} is taken by another program: using another.")
        print(f"The book is at http://localhost:{server.server_port}")
        print("Ctrl-C stops serving it.", flush=True)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            print()


if __name__ == "__main__":
    if sys.argv[1:2] == ["--check"]:
        port_number(*sys.argv[2:])
    else:
        main(*sys.argv[1:])
