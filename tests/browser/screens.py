"""Pictures of every page, to look at: python -m tests.browser.screens SITE FOLDER."""

import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

from tests.browser import chromium
from tests.browser.visits import MODES, WIDTHS, Visitor, pages_in, served


def main(site, folder):
    """Write a picture of each page at each width in each mode."""
    folder.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright, served(site) as address:
        browser = playwright.chromium.launch(
            executable_path=chromium.find(), args=chromium.FLAGS
        )
        for mode in MODES:
            visitor = Visitor(browser, address, mode)
            for name in pages_in(site, mode):
                for width in WIDTHS:
                    picture = f"{name[:-5].replace('/', '-')}-{width}-{mode}.png"
                    page = visitor.open(name, width)
                    page.screenshot(path=folder / picture, full_page=True)
        browser.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
