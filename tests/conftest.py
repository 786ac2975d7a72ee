"""Where tests of the library run, they share `tests/shared.py`.

It imports torch. A process that deals tests out to others and runs none needs neither,
and they begin only when it is ready.
"""

import pytest


@pytest.hookimpl(tryfirst=True)  # Hypothesis is told there of its profiles
def pytest_configure(config):
    """Share it with the tests of this process, if it runs any."""
    if not config.getoption("numprocesses", None):
        config.pluginmanager.import_plugin("tests.shared")
