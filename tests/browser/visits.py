"""A served site, and a browser that notes what goes wrong on its pages."""

import contextlib
import functools
import re
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

WIDTHS = (1280, 1920, 390, 320)
MODES = ("light", "dark")
N_CHOICES = 3  # as the system has it, light, dark
THEME = "document.documentElement.dataset.theme"
USE = """
for (const figure of document.querySelectorAll("figure.aw")) {
  for (const slider of figure.querySelectorAll("input[type=range]")) {
    slider.value = slider.max;
    slider.dispatchEvent(new Event("input", {bubbles: true}));
  }
  figure.querySelector("input[type=radio]:not(:checked)")?.click();
}
"""
# A colour on its way to another is neither, and so is a sidebar. What heeds the sizes
# of boxes hears of them with the next picture.
SETTLED = """
() => {
  for (const change of document.getAnimations())
    if (change instanceof CSSTransition) change.finish();
  return new Promise(done => requestAnimationFrame(() => setTimeout(done)));
}
"""
PRESS = "document.querySelector('.theme-switch-button').click()"


def pages_of(site):
    """Give the addresses of all pages of a built site, relative to its root."""
    names = (path.relative_to(site).as_posix() for path in site.rglob("*.html"))
    return sorted(name for name in names if not name.startswith("_"))


def pages_in(site, mode):
    """Give the pages that are read in a mode: all, but of the library's in one only.

    They are made of one set of parts, which the overview has in both modes. And
    index.html is intro.html, byte for byte.
    """
    left_out = ("index.html",) if mode == "light" else ("index.html", "api/")
    return [name for name in pages_of(site) if not name.startswith(left_out)]


class Host(SimpleHTTPRequestHandler):
    """Serve files in silence, also under the path that the site will be found at."""

    def __init__(self, *args, prefix, **options):
        self.prefix = prefix
        super().__init__(*args, **options)

    def translate_path(self, path):
        return super().translate_path("/" + path.removeprefix(self.prefix))

    def do_GET(self):
        # What a browser asks for by itself on a page that names no icon, as some of the
        # tests' own do: its answer would come while another test is at work.
        if self.path == "/favicon.ico":
            self.send_response(204)
            self.end_headers()
        else:
            super().do_GET()

    protocol_version = "HTTP/1.1"  # one connection for many files

    def log_message(self, *args):
        pass


def prefix_of(site):
    """Give the path of the site on its host: the 404 page has absolute addresses."""
    text = (site / "404.html").read_text(encoding="utf-8")
    return re.search('href="(/.*?)_static/', text)[1]


@contextlib.contextmanager
def served(site):
    """Serve a folder on a free port of this machine, and give its address."""
    handler = functools.partial(Host, directory=str(site), prefix=prefix_of(site))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


class Visitor:
    """One page of a browser in one colour mode, which notes complaints and addresses.

    The dark mode is the system's; the light one was chosen by the reader, against a
    dark system: so both ways to a mode are used.
    """

    def __init__(self, browser, address, mode):
        self.address, self.mode, self.complaints, self.asked = address, mode, [], set()
        context = browser.new_context(color_scheme="dark")
        if mode == "light":
            context.add_init_script(
                "localStorage.setItem('mode', 'light');"
                "localStorage.setItem('theme', 'light');"
            )
        # Not by a route: with one, the browser would fetch every file for every page.
        self.page = context.new_page()
        self.page.on("request", self.ask)
        self.page.on("console", self.listen)
        self.page.on("pageerror", lambda error: self.note(f"page error: {error}"))
        self.page.on("response", self.look)

    def note(self, complaint):
        self.complaints.append(complaint)

    def ask(self, request):
        self.asked.add(request.url)
        if not request.url.startswith((self.address, "data:", "blob:")):
            self.note(f"asks another host: {request.url}")

    def listen(self, message):
        if message.type == "error":
            self.note(f"console error: {message.text}")

    def look(self, response):
        if response.status >= 400:
            self.note(f"status {response.status}: {response.url}")

    def leave(self):
        """Leave a page, and what was noted of it: some is heard of only later."""
        self.page.goto("about:blank")
        self.complaints.clear()
        self.asked.clear()

    def open(self, name, width=WIDTHS[0]):
        """Go to a page and wait until it is ready: text, scripts and formulas."""
        self.page.set_viewport_size({"width": width, "height": 900})
        self.page.goto(self.address + name, wait_until="load")
        self.page.evaluate("window.MathJax?.startup?.promise")
        return self.page

    def use(self):
        """Move all that can be moved in the live figures."""
        self.page.evaluate(USE)

    def switch(self, mode):
        """Press the button for the mode until the page shows this one."""
        for _ in range(N_CHOICES):
            if self.page.evaluate(THEME) == mode:
                break
            self.page.evaluate(PRESS)
        assert self.page.evaluate(THEME) == mode, f"no press leads to {mode}"
        self.page.evaluate(SETTLED)

    def resize(self, width):
        """Change the window's width, and let the page settle."""
        self.page.set_viewport_size({"width": width, "height": 900})
        self.page.evaluate("new Promise(done => requestAnimationFrame(done))")
        self.page.evaluate(SETTLED)
