"""Mistakes in the torch modules: what is learned, and what happens when."""

import torch

from attention_lib.nn.learned_weighting import POSITIVE
from tests.mutation import mistake

RULES = "tests/nn/test_learned_weighting.py::"


@mistake(
    "nn.LearnedWeighting.weighting",
    *(
        f"{RULES}test_saved_values_come_back[{heads}-{name}]"
        for heads in ("None", "3")
        for name in ("alpha", "offset", "scale", "temperature")
    ),
)
def a_learned_parameter_is_not_used(self):
    """Weigh as at the start."""
    return self._start


@mistake(
    "nn.LearnedWeighting.reset_parameters",
    f"{RULES}test_it_starts_as_the_weighting[None-alpha]",
)
def a_positive_parameter_is_stored_as_it_is(right, self):
    """Store the number itself where its logarithm is read."""
    right(self)
    with torch.no_grad():
        for name in set(self.learned) & set(POSITIVE):
            getattr(self, f"log_{name}").exp_()


@mistake(
    "nn.Attention.forward",
    "tests/nn/test_attention.py::"
    "test_weights_are_dropped_in_training_only[cpu-softmax]",
)
def weights_are_dropped_in_evaluation(right, self, *given, **options):
    """Drop weights whether it trains or not."""
    was, self.training = self.training, True
    try:
        return right(self, *given, **options)
    finally:
        self.training = was
