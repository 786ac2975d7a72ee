"""Exponential and pointwise kinds compile whole to machine code, and back."""

import shutil

import pytest
import torch

import attention_lib as al

COMPILER = shutil.which("c++") or shutil.which("g++") or shutil.which("clang++")
WEIGHTINGS = [
    al.Softmax(),
    al.Softmax(temperature=0.5),
    al.Softmax1(offset=-1.0),
    al.ScalableSoftmax(),
    al.Sigmoid(),
    al.Sigmoid(bias="-log n"),
    al.ReLU(),
    al.ReLU(power=2, mean=True),
]


# torch itself uses these while it compiles.
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
@pytest.mark.skipif(COMPILER is None, reason="torch.compile needs a C++ compiler")
def test_machine_code_gives_the_same_weights_and_gradients(rng):
    scores = torch.tensor(rng.normal(size=(4, 33)), requires_grad=True)
    where = torch.tensor(rng.random((4, 33)) < 0.7)
    where[2] = False

    def weigh(x):
        return torch.stack([w(x, where=where) for w in WEIGHTINGS])

    torch.compiler.reset()
    # Other processes would take longer to begin than two kernels to compile.
    options = {"compile_threads": 1}
    compiled = torch.compile(weigh, fullgraph=True, options=options)
    sizes = torch.arange(1.0, len(WEIGHTINGS) + 1)[:, None, None]
    results = []
    for call in (compiled, weigh):
        weights = call(scores)
        total = (sizes * weights.square()).sum()
        results.append((weights, *torch.autograd.grad(total, scores)))
    torch.testing.assert_close(*results, rtol=1e-12, atol=1e-13)
