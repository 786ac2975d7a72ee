"""What `import attention_lib` gives, and what it does not bring along."""

import importlib
import os
import pkgutil
import subprocess
import sys

import pytest

import attention_lib

MODULES = [
    module.name
    for module in pkgutil.walk_packages(attention_lib.__path__, "attention_lib.")
    if not module.name.startswith("attention_lib.book")
]
KERNELS = "attention_lib.torch_backend.kernels."
WITHOUT_TRITON = (KERNELS + "device", KERNELS + "loading")


def test_importing_brings_no_torch_and_no_plots():
    code = (
        "import sys, numpy, attention_lib\n"
        "attention_lib.scaled_dot_product_attention(*3 * [numpy.ones((2, 3))])\n"
        "late = {'torch', 'triton', 'matplotlib', 'threadpoolctl'} & set(sys.modules)\n"
        "assert not late, late\n"
        "try:\n"
        "    attention_lib.softmax([1.0], where=[1.0])\n"
        "except TypeError as error:\n"
        "    assert 'must be bool' in str(error), error\n"
        "else:\n"
        "    raise AssertionError('a mask of floats was taken')\n"
    )
    command = [sys.executable, "-W", "error", "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_tensors_of_a_processor_bring_no_triton():
    code = (
        "import sys, torch, attention_lib as al\n"
        "before = {name for name in sys.modules if 'triton' in name}\n"
        "x = torch.ones(2, 3, requires_grad=True)\n"
        "for weighting in ('softmax', 'softmax1', 'entmax15', 'softpick'):\n"
        "    out = al.scaled_dot_product_attention(x, x, x, weighting=weighting)\n"
        "    out.sum().backward()\n"
        "    al.get_weighting(weighting)(x).sum().backward()\n"
        "new = {name for name in sys.modules if 'triton' in name} - before\n"
        "assert not new, new\n"
        "assert 'attention_lib.torch_backend.kernels.device' in sys.modules\n"
        "assert 'attention_lib.torch_backend.kernels.rows' not in sys.modules\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={k: v for k, v in os.environ.items() if k != "TRITON_INTERPRET"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", ["attention_lib", *MODULES])
def test_what_a_module_lists_is_there(name):
    if name.startswith(KERNELS) and name not in WITHOUT_TRITON:
        pytest.importorskip("triton")
    module = importlib.import_module(name)
    assert module.__doc__
    for public in module.__all__:
        assert hasattr(module, public), public
