"""Ask what is left of the differences between tokens after many averages.

Protocol. 32 tokens of 32 coordinates from N(0, 1); each layer is softmax attention
whose matrices are drawn from N(0, 1/32), or three times as large, in float64, with no
MLP; with a skip or without, and with a causal mask or without. Measured is
``norm(X - mean token) / norm(X)``; 40 replicas. Nothing is trained, and random layers
are no trained network: this shows a mechanism, which Dong, Cordonnier and Loukas (2021)
prove, https://arxiv.org/abs/2103.03404. How fast it is depends on the scale, for
larger matrices make larger scores, and these sharper weights.

Beside it, the rank of the scores, of the weights and of their logarithms, for 64 keys
of 8 coordinates: the weights have full rank, but their logarithms have 9 at most.
"""

import math
from itertools import product

import numpy as np

from attention_lib import attention_weights, log_softmax, masks

__all__ = ["differences_left", "protocol", "ranks"]

TOKENS, WIDTH = 32, 32
LAYERS = 12
SCALES = (1.0, 3.0)


def differences_left(
    skip, *, causal=False, scale=1.0, layers=LAYERS, n_replicas=40, seed=0
):
    """Stack random attention layers and measure how much tokens still differ.

    Parameters
    ----------
    skip : bool
        Whether each layer adds to its input.
    causal : bool, default False
        Whether a token sees only itself and those before it.
    scale : float, default 1.0
        What the entries of all matrices are multiplied by.
    layers : int, default 12
        Number of layers.
    n_replicas, seed : int
        Stacks, each with its own tokens and matrices, and where their stream starts.

    Returns
    -------
    array, shape (layers + 1, n_replicas)
        The measure before the first layer and after each.
    """
    rng, spread = np.random.default_rng(seed), scale / math.sqrt(WIDTH)
    seen = masks.causal(TOKENS, TOKENS) if causal else None
    tokens = rng.normal(size=(n_replicas, TOKENS, WIDTH))
    left = [relative_difference(tokens)]
    for _ in range(layers):
        query, key, value = (
            tokens @ rng.normal(scale=spread, size=(n_replicas, WIDTH, WIDTH))
            for _ in range(3)
        )
        mixed = attention_weights(query, key, seen) @ value
        tokens = tokens + mixed if skip else mixed
        left.append(relative_difference(tokens))
    return np.array(left)


def relative_difference(tokens):
    """Give ``norm(X - mean token) / norm(X)`` of each replica."""
    apart = tokens - tokens.mean(-2, keepdims=True)
    return np.linalg.norm(apart, axis=(-2, -1)) / np.linalg.norm(tokens, axis=(-2, -1))


def ranks(n=64, d=8, *, seed=0):
    """Give the ranks of the scores, of the weights and of the weights' logarithms.

    Parameters
    ----------
    n, d : int
        Number of queries and keys, and their size.
    seed : int
        Where the random stream starts.

    Returns
    -------
    dict of str to int
        Ranks of ``scores``, ``weights`` and ``logarithms``.
    """
    query, key = np.random.default_rng(seed).normal(size=(2, n, d))
    scores = query @ key.T / math.sqrt(d)
    matrices = {
        "scores": scores,
        "weights": attention_weights(query, key),
        "logarithms": log_softmax(scores),
    }
    return {name: int(np.linalg.matrix_rank(m)) for name, m in matrices.items()}


def protocol():
    """Stack layers of every kind, and take the ranks."""
    kinds = product((False, True), (False, True), SCALES)
    return {
        "settings": {"seed": 0, "replicas": 40, "tokens": TOKENS, "width": WIDTH},
        "cells": [
            {
                "skip": skip,
                "causal": causal,
                "scale": scale,
                "left": differences_left(skip, causal=causal, scale=scale),
            }
            for skip, causal, scale in kinds
        ],
        "ranks": ranks(),
    }
