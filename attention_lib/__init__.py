"""Attention with any weighting: one signature, right at the edges, NumPy and torch.

A *weighting* turns a row of scores into a row of weights. The functions below take
NumPy arrays or torch tensors and give back the same kind.
"""

from attention_lib import definitions, diagnostics, masks, weightings
from attention_lib.attention import (
    attention_scores,
    attention_weights,
    scaled_dot_product_attention,
)
from attention_lib.diagnostics import (
    attention_rollout,
    effective_support,
    entropy,
    jacobian,
    jacobian_norm,
    max_weight,
    sink_mass,
    support_size,
    top_k_mass,
)
from attention_lib.features import PositiveRandomFeatures
from attention_lib.fold import State, finalize, merge, partial_attention
from attention_lib.linear import LinearState, linear_attention
from attention_lib.multi_head_attention import multi_head_attention
from attention_lib.weightings import *

__version__ = "0.1.0"

__all__ = sorted(
    {
        "LinearState",
        "PositiveRandomFeatures",
        "State",
        "attention_rollout",
        "attention_scores",
        "attention_weights",
        "definitions",
        "diagnostics",
        "effective_support",
        "entropy",
        "finalize",
        "jacobian",
        "jacobian_norm",
        "linear_attention",
        "masks",
        "max_weight",
        "merge",
        "multi_head_attention",
        "partial_attention",
        "scaled_dot_product_attention",
        "sink_mass",
        "support_size",
        "top_k_mass",
        *weightings.__all__,
    }
)
