"""Attention over several processes, on ``torch.distributed``."""

from attention_lib.distributed.layouts import unzigzag, zigzag
from attention_lib.distributed.ring import ring_attention
from attention_lib.distributed.tree import tree_attention

__all__ = ["ring_attention", "tree_attention", "unzigzag", "zigzag"]
