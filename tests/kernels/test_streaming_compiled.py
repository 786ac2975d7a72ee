"""A compiler keeps streaming attention whole: it is one operator, with a fake."""

import pytest
import torch

from attention_lib import scaled_dot_product_attention as attend
from attention_lib.torch_backend.kernels import streaming_operators as operators
from attention_lib.torch_backend.kernels.streaming_arguments import Numbers
from attention_lib.weightings import Softmax1
from tests.kernels.streaming_cases import same, three


@pytest.mark.parametrize("kind", ["whole", "fold"])
def test_the_operator_keeps_torch_s_rules(kind, rng):
    given = [a.detach()[None].requires_grad_() for a in three(rng, length=3, n_keys=4)]
    offsets = torch.full((1, 3), 0.2, requires_grad=True)
    numbers = Numbers(0, 1.0, 0.0, 1.0, 1.0, 0.5, 0.0, 1, True, 0, kind == "whole")
    shifts = offsets if kind == "whole" else None
    rows = (None, None, None, shifts, None)
    torch.library.opcheck(
        operators.stream,
        (*given, *rows, *numbers),
        test_utils=("test_schema", "test_autograd_registration", "test_faketensor"),
    )


def test_a_compiled_call_is_one_operator_and_gives_the_same(rng):
    graphs = []

    def backend(graph, inputs):
        graphs.append(graph)
        return graph

    offset = torch.tensor(0.3, requires_grad=True)

    def call(query, key, value, offset):
        return attend(query, key, value, is_causal=True, weighting=Softmax1(offset),
                      method="triton")  # fmt: skip

    given = [*three(rng, length=5, n_keys=7), offset]
    results = []
    for function in (call, torch.compile(call, backend=backend, fullgraph=True)):
        out = function(*given)
        results.append((out, *torch.autograd.grad(out.square().sum(), given)))
    same(*results, 1e-6)
    targets = [str(node.target) for graph in graphs for node in graph.graph.nodes]
    assert sum("attention_lib.stream" in target for target in targets) == 1
