"""A language model of the Llama family, whose every attention is attention_lib's.

A token's vector passes through layers. In each, attention adds to it what it reads
from the tokens so far, and a gated perceptron adds what it makes of that. Before each,
the vector is divided by its root mean square (Zhang and Sennrich, 2019,
https://arxiv.org/abs/1910.07467); queries and keys are turned by angles that grow with
their place (Su et al., 2021, https://arxiv.org/abs/2104.09864).
"""

import torch
import torch.nn.functional as F

from attention_lib import masks, scaled_dot_product_attention
from attention_lib.book.real.tokenizer import Tokenizer

__all__ = ["LanguageModel", "softmax_attention"]


def softmax_attention(layer, query, key, value):
    """Attend as the model was trained to; the last query is at the last key's place.

    Any function with these arguments can stand in its place. `layer` counts from 0;
    `query` has shape (..., heads, queries, d), `key` and `value` fewer heads.
    """
    n_queries, n_keys = query.shape[-2], key.shape[-2]
    seen = None
    if n_queries != n_keys:
        seen = masks.causal(n_queries, n_keys, align="end", like=query)
    causal = seen is None
    return scaled_dot_product_attention(
        query, key, value, seen, is_causal=causal, enable_gqa=True
    )


class LanguageModel:
    """What a GGUF file holds: a tokenizer and a model that predicts the next token.

    Parameters
    ----------
    metadata, tensors : dict
        As `read_gguf` gives them.

    Attributes
    ----------
    tokenizer : Tokenizer
        Text to ids and back.
    n_layers, n_heads, n_key_heads : int
        Layers, and heads of queries and of keys in each.
    """

    def __init__(self, metadata, tensors):
        self.tokenizer = Tokenizer(metadata)
        self.n_layers = metadata["llama.block_count"]
        self.n_heads = metadata["llama.attention.head_count"]
        self.n_key_heads = metadata["llama.attention.head_count_kv"]
        self._epsilon = metadata["llama.attention.layer_norm_rms_epsilon"]
        self._base = metadata["llama.rope.freq_base"]
        self._weights = {n: torch.from_numpy(array) for n, array in tensors.items()}

    def __call__(self, ids, attend=softmax_attention, *, cache=None, last=None):
        """Score every token as the next one, after each of those given.

        Parameters
        ----------
        ids : sequence of int, or Tensor of int, shape (..., n)
            Tokens.
        attend : function, default `softmax_attention`
            What computes attention, with the arguments ``(layer, query, key, value)``.
        cache : dict, optional
            Empty at first: keys and values of the tokens before, which `ids` continue
            and are added to.
        last : int, optional
            Of how many tokens, at the end, the scores are wanted; of all if None.

        Returns
        -------
        Tensor, shape (..., n or last, number of tokens)
            Scores; softmax makes probabilities of them.
        """
        return self.scores(self.embedded(ids), attend, cache=cache, last=last)

    def embedded(self, ids):
        """Look up the vectors of tokens: Tensor, shape (..., n, width)."""
        return self._weights["token_embd.weight"][torch.as_tensor(ids)]

    def scores(self, x, attend=softmax_attention, *, cache=None, last=None):
        """Score every token as the next one, from vectors that may take gradients."""
        start = cache[0][0].shape[-2] if cache else 0
        places = torch.arange(start, start + x.shape[-2])
        for layer in range(self.n_layers):
            x = self._block(layer, x, places, attend, cache)
        x = x if last is None else x[..., -last:, :]
        # What reads a token is also what predicts it.
        return F.linear(
            self._norm(x, "output_norm"), self._weights["token_embd.weight"]
        )

    def written(self, layer, values):
        """Give what each head adds to a token that gives all its weight to one value.

        Parameters
        ----------
        layer : int
            Counted from 0.
        values : Tensor, shape (..., heads, n, d)
            Of each head of queries.

        Returns
        -------
        Tensor, shape (..., heads, n, width)
            Parts of a token's vector.
        """
        matrix = self._weights[f"blk.{layer}.attn_output.weight"]
        by_head = matrix.unflatten(-1, (self.n_heads, -1))  # (width, heads, d)
        return torch.einsum("...hnd,whd->...hnw", values, by_head)

    def nats(self, ids, attend=softmax_attention):
        """Give minus the log probability of each token after the first.

        Parameters
        ----------
        ids : sequence of int, or Tensor of int, shape (n,)
            Tokens.
        attend : function, default `softmax_attention`
            As for a call.

        Returns
        -------
        Tensor, shape (n - 1,)
            Costs, in nats.
        """
        ids = torch.as_tensor(ids)
        return F.cross_entropy(self(ids, attend)[:-1], ids[1:], reduction="none")

    def _block(self, layer, x, places, attend, cache):
        name = f"blk.{layer}."
        a = self._norm(x, f"{name}attn_norm")
        query = turned(
            self._heads(a, f"{name}attn_q", self.n_heads), places, self._base
        )
        key = self._heads(a, f"{name}attn_k", self.n_key_heads)
        key = turned(key, places, self._base)
        value = self._heads(a, f"{name}attn_v", self.n_key_heads)
        if cache is not None:
            if layer in cache:
                before = zip(cache[layer], (key, value), strict=True)
                key, value = (torch.cat(pair, -2) for pair in before)
            cache[layer] = key, value
        read = attend(layer, query, key, value)  # (..., heads, n, d)
        read = read.transpose(-3, -2).flatten(-2)  # (..., n, heads * d)
        x = x + self._linear(read, f"{name}attn_output")
        b = self._norm(x, f"{name}ffn_norm")
        gate = F.silu(self._linear(b, f"{name}ffn_gate"))
        return x + self._linear(
            gate * self._linear(b, f"{name}ffn_up"), f"{name}ffn_down"
        )

    def _heads(self, x, name, count):
        """Map (..., n, width) to (..., heads, n, d)."""
        return self._linear(x, name).unflatten(-1, (count, -1)).transpose(-3, -2)

    def _linear(self, x, name):
        return F.linear(x, self._weights[f"{name}.weight"])

    def _norm(self, x, name):
        return F.rms_norm(
            x, x.shape[-1:], self._weights[f"{name}.weight"], self._epsilon
        )


def turned(x, places, base):
    """Turn the pairs of features (0, 1), (2, 3), … by angles that grow with the place.

    llama.cpp stores the rows of queries and keys in the order that makes these pairs.
    """
    d = x.shape[-1]
    angles = places[:, None] * base ** (-torch.arange(0, d, 2) / d)
    cos, sin = angles.cos(), angles.sin()
    first, second = x[..., 0::2], x[..., 1::2]
    pairs = [first * cos - second * sin, first * sin + second * cos]
    return torch.stack(pairs, -1).flatten(-2)
