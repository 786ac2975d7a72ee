"""Kernels that are forked begin as others do, apart from each other, and end."""

import os
import signal
import time

import pytest
from jupyter_client.manager import KernelManager

from tools.notebooks import forked_kernels
from tools.notebooks.kernels import surroundings

pytestmark = pytest.mark.skipif(
    not forked_kernels.POSSIBLE, reason="this system cannot fork"
)
SOON = 20.0  # seconds


@pytest.fixture(scope="module")
def start():
    """Give a function that starts a kernel and gives its manager and a runner."""
    managers = []

    def begin():
        manager = KernelManager()
        manager.kernel_spec.argv = forked_kernels.command()
        manager.start_kernel()
        managers.append(manager)
        client = manager.blocking_client()
        client.start_channels()
        client.wait_for_ready(timeout=60)

        def printed(code):
            said = []

            def hear(message):
                said.append(message["content"])

            client.execute_interactive(code, output_hook=hear, timeout=60)
            return "".join(each.get("text", each.get("ename", "")) for each in said)

        return manager, client, printed

    with surroundings(), forked_kernels.served():
        yield begin
        for manager in managers:
            manager.shutdown_kernel(now=True)


def test_only_what_every_chapter_imports_is_there_before(start):
    *_, printed = start()
    look = "import sys; print({} in sys.modules, end='')"
    assert printed(look.format("'torch'")) == "True"
    assert printed(look.format("'attention_lib'")) == "False"
    assert printed("torch") == "NameError"


def test_one_knows_nothing_of_another(start):
    first, second = start()[-1], start()[-1]
    first("import numpy; numpy.here = 1; here = 2; import os; os.environ['X'] = 'y'")
    assert second("here") == "NameError"
    assert second("import numpy; numpy.here") == "AttributeError"
    assert second("import os; print('X' in os.environ, end='')") == "False"


def test_it_runs_in_the_folder_and_surroundings_of_who_asks(start, tmp_path):
    os.environ["ASKED_BY"] = "a test"
    try:
        *_, printed = start()
    finally:
        del os.environ["ASKED_BY"]
    assert printed("import os; print(os.environ['ASKED_BY'], end='')") == "a test"
    assert printed("print(os.getcwd(), end='')") == os.getcwd()


def test_it_ends_with_the_process_that_stands_for_it(start):
    manager, _, printed = start()
    kernel = int(printed("import os; print(os.getpid(), end='')"))
    manager.provisioner.process.send_signal(signal.SIGKILL)
    end = time.monotonic() + SOON
    while time.monotonic() < end:
        try:
            os.kill(kernel, 0)
        except ProcessLookupError:
            return
        time.sleep(0.05)
    raise AssertionError("the kernel outlives it")


def test_a_kernel_that_dies_is_noticed(start):
    manager, client, _ = start()
    client.execute("import os; os._exit(3)")
    end = time.monotonic() + SOON
    while manager.is_alive():
        assert time.monotonic() < end, "nobody notices"
        time.sleep(0.05)


def test_an_interrupt_reaches_it(start):
    manager, client, _ = start()
    # What the cell itself prints: announced alone, it may not have begun, and an
    # interrupt then is the kernel's, which lets it pass.
    asked = client.execute("import time; print('begun', flush=True); time.sleep(60)")
    while client.get_iopub_msg(timeout=SOON)["msg_type"] != "stream":
        pass
    manager.interrupt_kernel()
    reply = client.get_shell_msg(timeout=SOON)
    while reply["parent_header"].get("msg_id") != asked:
        reply = client.get_shell_msg(timeout=SOON)
    assert reply["content"]["ename"] == "KeyboardInterrupt"
    assert manager.is_alive()
