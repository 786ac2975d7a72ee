"""Weightings and modules are copied, pickled and saved as they are."""

import copy
import io
import pickle

import numpy as np
import pytest
import torch

import attention_lib as al
from attention_lib.nn import Attention, LearnedWeighting, MultiHeadAttention
from tests.weightings.every import CASES

OBJECTS = [case for case in CASES if case.make is not None]
every_object = pytest.mark.parametrize("case", OBJECTS, ids=str)


@every_object
def test_weightings_are_pickled_and_copied(case, rng):
    for prepare in (torch.tensor, np.asarray):
        weighting = case.make(**case.drawn(rng, (1, 1), prepare))
        scores = prepare(rng.normal(size=(3, 5)))
        for again in (
            pickle.loads(pickle.dumps(weighting)),
            copy.deepcopy(weighting),
        ):
            assert again.same_as(weighting)
            assert bool((again(scores) == weighting(scores)).all())


MODULES = [
    LearnedWeighting(al.Entmax(torch.full((2, 1, 1), 1.3))),
    Attention("softmax1", learned=("offset",), num_heads=2),
    MultiHeadAttention(6, 2, weighting="entmax15", learned=("alpha",)),
]


@pytest.mark.parametrize("module", MODULES, ids=lambda m: type(m).__name__)
def test_modules_are_pickled_copied_and_saved(module):
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(0.1)
    given = torch.randn(2, 2, 3, 6)
    arguments = [given] * (3 if isinstance(module, Attention) else 1)
    file = io.BytesIO()
    torch.save(module.state_dict(), file)
    file.seek(0)
    loaded = copy.deepcopy(module)
    loaded.load_state_dict({k: v * 0 for k, v in module.state_dict().items()})
    loaded.load_state_dict(torch.load(file, weights_only=True))
    for again in (loaded, copy.deepcopy(module), pickle.loads(pickle.dumps(module))):
        torch.testing.assert_close(again(*arguments), module(*arguments))
