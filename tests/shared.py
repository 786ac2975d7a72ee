"""What every test of the library shares."""

import numpy as np
import pytest
import torch
from hypothesis import Phase, settings

from attention_lib import linear
from attention_lib.numpy_backend import attention as in_numpy
from attention_lib.torch_backend import blocks as torch_blocks
from attention_lib.torch_backend import general as in_torch
from tests.engines import ENGINES, EVERY_DTYPE
from tests.in_rotation import WHOLE

# The same examples for the same code, and nothing kept between runs.
settings.register_profile(
    "laws",
    derandomize=True,
    database=None,
    deadline=None,
    max_examples=200 if WHOLE else 20,
)
# For `tests/mutants.py`: whether a law fails, not its smallest counterexample.
settings.register_profile(
    "unshrunk", settings.get_profile("laws"), phases=[Phase.explicit, Phase.generate]
)
settings.load_profile("laws")

# Small arrays gain nothing from torch's threads, which wait for each other in vain
# where several test runs share the processors.
torch.set_num_threads(1)


@pytest.fixture(
    scope="session", params=["cpu", "cuda"][: 1 + torch.cuda.is_available()]
)
def device(request):
    """Give the name of a torch device: the CPU, and a GPU where there is one."""
    return request.param


@pytest.fixture(scope="session", params=ENGINES, ids=str)
def engine(request):
    """Give each engine: NumPy, torch on the CPU, and on a GPU where there is one."""
    return request.param


@pytest.fixture(
    scope="session", params=EVERY_DTYPE, ids=lambda pair: f"{pair[0]}-{pair[1]}"
)
def engine_dtype(request):
    """Give each engine with each floating-point dtype that it has."""
    return request.param


@pytest.fixture
def rng():
    """Give a generator that starts at the same place in every test."""
    return np.random.default_rng(0)


@pytest.fixture
def small_blocks(monkeypatch):
    """Cut attention into many small blocks, none of which divides the lengths."""
    monkeypatch.setattr(in_numpy, "DENSE_SCORES", 0)
    monkeypatch.setattr(in_numpy, "ROWS", 4)
    monkeypatch.setattr(in_numpy, "FULL_ROWS", 3)
    monkeypatch.setattr(in_numpy, "KEYS", 5)
    monkeypatch.setattr(in_torch, "DENSE_SCORES", 0)
    monkeypatch.setattr(in_torch, "BLOCK_SCORES", 3 * 2 * 13)
    monkeypatch.setattr(torch_blocks, "FEWEST", 3)
    monkeypatch.setattr(torch_blocks, "MOST", 4)
    monkeypatch.setenv("OMP_NUM_THREADS", "3")


@pytest.fixture(params=["small blocks", "one block"])
def blocks(request):
    """Cut attention into small blocks, or not."""
    if request.param == "small blocks":
        request.getfixturevalue("small_blocks")


@pytest.fixture(params=["chunks of 4", "one chunk"])
def chunks(request, monkeypatch):
    """Cut linear attention into chunks that do not divide the lengths, or not."""
    if request.param == "chunks of 4":
        monkeypatch.setattr(linear, "CHUNK", 4)
