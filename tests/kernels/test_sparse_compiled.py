"""A compiler keeps sparse attention whole: it is one operator, with a fake."""

import torch

from attention_lib import scaled_dot_product_attention as attend
from attention_lib.torch_backend.kernels import row_rules as rules
from attention_lib.torch_backend.kernels import sparse_operators as operators
from tests.kernels.sparse_cases import three
from tests.kernels.streaming_cases import same


def test_the_operator_keeps_torch_s_rules(rng):
    given = [a.detach()[None].requires_grad_() for a in three(rng, length=3, n_keys=4)]
    cs = torch.full((1, 3), 0.4, requires_grad=True)
    options = (1.0, rules.NEAR_ONE.value, 1, True, 0.5, None)
    torch.library.opcheck(
        operators.attend,
        (*given, None, None, cs, *options),
        test_utils=("test_schema", "test_autograd_registration", "test_faketensor"),
    )


def test_a_compiled_call_is_one_operator_and_gives_the_same(rng):
    graphs = []

    def backend(graph, inputs):
        graphs.append(graph)
        return graph

    def call(query, key, value):
        return attend(query, key, value, is_causal=True, weighting="entmax15",
                      method="triton")  # fmt: skip

    given = three(rng, length=3, n_keys=5)
    results = []
    for function in (call, torch.compile(call, backend=backend, fullgraph=True)):
        out = function(*given)
        results.append((out, *torch.autograd.grad(out.square().sum(), given)))
    same(*results, 1e-6)
    targets = [str(node.target) for graph in graphs for node in graph.graph.nodes]
    assert sum("attention_lib.sparse" in target for target in targets) == 1
