"""The two engines behind one face: arrays go in from NumPy, and come back to it."""

from dataclasses import dataclass

import numpy as np
import pytest
import torch

# Half the distance from 1 to the next larger number: what one rounding may cost.
UNIT = {
    "float16": 2.0**-11,
    "bfloat16": 2.0**-8,
    "float32": 2.0**-24,
    "float64": 2.0**-53,
}
HALVES = ("float16", "bfloat16")


@dataclass(frozen=True)
class Engine:
    """One library, on one device."""

    name: str
    device: str | None = None

    def __str__(self):
        return self.name

    @property
    def xp(self):
        return np if self.device is None else torch

    @property
    def dtypes(self):
        return [d for d in UNIT if self.device is not None or d != "bfloat16"]

    @property
    def methods(self):
        return ["auto", "dense", "streaming", "sdpa"][: 3 + (self.device is not None)]

    def array(self, x, dtype=None):
        """Give `x` to the library; `dtype` is a name, `x`'s own if None."""
        x = np.asarray(x)
        if self.device is None:
            return x if dtype is None else x.astype(dtype)
        tensor = torch.tensor(x, device=self.device)
        return tensor if dtype is None else tensor.to(getattr(torch, dtype))

    def numpy(self, a, dtype=None):
        """Take a result back as NumPy in float64, after a look at what it is."""
        kind = np.ndarray | np.generic if self.device is None else torch.Tensor
        assert isinstance(a, kind), f"{type(a)} came back from {self.name}"
        if dtype is not None:
            assert str(a.dtype).removeprefix("torch.") == dtype
        if self.device is not None:
            assert a.device.type == self.device
            a = a.detach().cpu()
            a = (a.double() if a.is_floating_point() else a).numpy()
        return a.astype(np.float64) if a.dtype.kind == "f" else np.asarray(a)


NUMPY, TORCH, CUDA = Engine("numpy"), Engine("torch", "cpu"), Engine("cuda", "cuda")
ENGINES = [NUMPY, TORCH] + [CUDA] * torch.cuda.is_available()
EVERY_DTYPE = [(engine, dtype) for engine in ENGINES for dtype in engine.dtypes]
EVERY_METHOD = [(engine, method) for engine in ENGINES for method in engine.methods]
every_method = pytest.mark.parametrize(("engine", "method"), EVERY_METHOD, ids=str)
# Those that take every option.
OWN_METHODS = [pair for pair in EVERY_METHOD if pair[1] != "sdpa"]
own_methods = pytest.mark.parametrize(("engine", "method"), OWN_METHODS, ids=str)


def rounded(x, dtype):
    """Round float64 numbers to a dtype and back: what an engine is really given."""
    return torch.tensor(x).to(getattr(torch, dtype)).double().numpy()


def tolerance(dtype, work=16):
    """Give the relative error of one last rounding, and of `work` before it.

    The work is done in float32 at least.
    """
    last = UNIT[dtype] if dtype in HALVES else 0.0
    return last + work * UNIT["float32" if dtype in HALVES else dtype]


def near(dtype, work=16):
    """Give the absolute error of `work` roundings of numbers near one."""
    return work * UNIT["float32" if dtype in HALVES else dtype]


def smallest(dtype):
    """Give half the distance from zero to the next number: where digits end."""
    kind = torch.finfo(getattr(torch, dtype))
    return kind.tiny * kind.eps
