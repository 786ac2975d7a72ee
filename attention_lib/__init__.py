"""Attention with any weighting: one signature, right at the edges, NumPy and torch.

A *weighting* turns a row of scores into a row of weights. The functions below take
NumPy arrays or torch tensors and give back the same kind.
"""

from attention_lib import definitions, diagnostics, masks
from attention_lib.attention import (
    attention_scores,
    attention_weights,
    multi_head_attention,
    scaled_dot_product_attention,
)
from attention_lib.diagnostics import (
    effective_support,
    entropy,
    jacobian,
    max_weight,
)
from attention_lib.fold import State, finalize, merge, partial_attention
from attention_lib.weightings import (
    Softmax,
    Weighting,
    get_weighting,
    log_softmax,
    logsumexp,
    online_softmax,
    softmax,
)

__version__ = "0.1.0"

__all__ = [
    "Softmax",
    "State",
    "Weighting",
    "attention_scores",
    "attention_weights",
    "definitions",
    "diagnostics",
    "effective_support",
    "entropy",
    "finalize",
    "get_weighting",
    "jacobian",
    "log_softmax",
    "logsumexp",
    "masks",
    "max_weight",
    "merge",
    "multi_head_attention",
    "online_softmax",
    "partial_attention",
    "scaled_dot_product_attention",
    "softmax",
]
