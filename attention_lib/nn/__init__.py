"""Torch modules: attention whose weighting can learn, with one head or many."""

from attention_lib.nn.attention import Attention
from attention_lib.nn.learned_weighting import LearnedWeighting
from attention_lib.nn.multi_head_attention import MultiHeadAttention

__all__ = ["Attention", "LearnedWeighting", "MultiHeadAttention"]
