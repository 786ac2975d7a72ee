"""Where a Chromium is found: named, the system's, Playwright's own, or Debian's."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from filelock import FileLock
from playwright.sync_api import sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
APPS = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    r"C:\Program Files\Google\Chrome\Application\chrome.exe",
)
NONE = (
    "no Chromium or Chrome here, and none could be installed: "
    "name one in the environment variable CHROMIUM"
)
LOCK = Path(sys.prefix) / "chromium.lock"
# Quiet and alone: what a browser does in the background, it must not do in a test, and
# no other host is there. Scripts run for a second on a page: too short for the compiler
# that makes long ones fast.
FLAGS = (
    "--js-flags=--no-turbofan",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def find():
    """Give the path of a browser, installing one if need be, or None.

    The workers of one run ask at the same time, and a package manager refuses all but
    one of them: so one installs, and the others wait and then look again.
    """
    if path := named() or of_the_system():
        return path
    with FileLock(LOCK):
        return of_the_system() or of_playwright() or of_debian()


def named():
    """Give the browser that CHROMIUM names; a wrong name is an error."""
    name = os.environ.get("CHROMIUM")
    if not name:
        return None
    if path := shutil.which(name):
        return path
    raise FileNotFoundError(f"CHROMIUM names no program: {name}")


def of_the_system():
    """Give an installed Chromium or Chrome."""
    found = (shutil.which(name) for name in (*NAMES, *APPS))
    return next(filter(None, found), None)


def of_playwright():
    """Give Playwright's own browser, after a download if it is not there yet."""
    with sync_playwright() as playwright:
        path = playwright.chromium.executable_path
    if not Path(path).exists():
        succeeds(sys.executable, "-m", "playwright", "install", "chromium")
    return path if Path(path).exists() else None


def of_debian():
    """Install Debian's package, which only root may do, by a list that is not old."""
    is_root = hasattr(os, "geteuid") and os.geteuid() == 0
    if is_root and shutil.which("apt-get"):
        succeeds("apt-get", "update")
        succeeds("apt-get", "install", "--yes", "chromium")
    return shutil.which("chromium")


def succeeds(*command):
    """Tell whether a command ends well, in time."""
    try:
        done = subprocess.run(command, capture_output=True, timeout=300, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0
