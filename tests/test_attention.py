"""Attention agrees with the textbook, whatever the method, mask, dtype and engine."""

import numpy as np
import pytest
import torch

from attention_lib import (
    Softmax,
    attention_scores,
    attention_weights,
    scaled_dot_product_attention,
)
from tests.engines import EVERY_DTYPE, TORCH, every_method, own_methods, rounded
from tests.in_turn import in_turn
from tests.oracle import KINDS, attend, attention_by_rows, close, mask_of


@pytest.mark.quick
@in_turn("kind", KINDS)
@pytest.mark.parametrize(
    ("engine", "dtype", "method"),
    [(*pair, method) for pair in EVERY_DTYPE for method in pair[0].methods],
    ids=str,
)
def test_every_method_agrees_with_the_textbook(
    engine, dtype, method, kind, blocks, rng
):
    query, key, value = (
        rounded(rng.normal(size=(2, *shape)), dtype)
        for shape in [(11, 7), (13, 7), (13, 5)]
    )
    mask = mask_of(kind, rng)
    if "bias" in mask:
        mask["bias"] = rounded(mask["bias"], dtype)
    actual = attend(engine, dtype, query, key, value, mask, method=method)
    close(actual, attention_by_rows(query, key, value, **mask), dtype, size=3)


@own_methods
@pytest.mark.parametrize("scale", [0.0, 0.3, -1.0, 2, np.float64(0.3)], ids=repr)
@pytest.mark.parametrize("softcap", [None, 0.5, 3])
def test_scale_then_softcap_then_mask(
    engine, method, scale, softcap, small_blocks, rng
):
    given = [3 * rng.normal(size=(2, n, 7)) for n in (11, 13, 13)]
    for kind in ("causal and bool", "additive"):
        mask = mask_of(kind, rng)
        options = {"scale": scale, "softcap": softcap}
        actual = attend(engine, "float64", *given, mask, method=method, **options)
        close(actual, attention_by_rows(*given, **mask, **options), "float64", 30)


@pytest.mark.parametrize("scale", [0.0, 0.3, -1.0], ids=repr)
def test_torch_s_own_kernel_takes_a_scale(scale, rng):
    given = [rng.normal(size=(2, n, 7)) for n in (11, 13, 13)]
    for kind in ("causal and bool", "additive"):
        mask = mask_of(kind, rng)
        actual = attend(TORCH, "float64", *given, mask, method="sdpa", scale=scale)
        close(actual, attention_by_rows(*given, **mask, scale=scale), "float64", 3)


@every_method
def test_a_temperature_divides_the_masked_scores(engine, method, small_blocks, rng):
    given = [rng.normal(size=(2, n, 7)) for n in (11, 13, 13)]
    for kind in ("additive", "causal and bool", "no mask"):
        mask = mask_of(kind, rng)
        for temperature in (0.3, 2.0, 40):
            actual = attend(
                engine,
                "float64",
                *given,
                mask,
                method=method,
                weighting=Softmax(temperature),
            )
            double = {**mask, "scale": 7**-0.5 / temperature}
            if "bias" in mask:
                double["bias"] = mask["bias"] / temperature
            close(actual, attention_by_rows(*given, **double), "float64", 10)


@own_methods
@pytest.mark.parametrize("shape", [(2, 1, 1), (1, 11, 1), (2, 11, 1), (3, 1, 1, 1)])
def test_a_temperature_for_each_head_or_query(engine, method, shape, small_blocks, rng):
    query, key, value = (rng.normal(size=(3, 2, n, 7)) for n in (11, 13, 13))
    temperature = rng.uniform(0.5, 2, size=shape)
    mask = mask_of("causal and bool", rng)
    actual = attend(
        engine,
        "float64",
        query,
        key,
        value,
        mask,
        method=method,
        weighting=Softmax(engine.array(temperature)),
    )
    expected = attention_by_rows(query / temperature, key, value, **mask)
    close(actual, expected, "float64", 3)


@pytest.mark.parametrize("kind", KINDS)
def test_scores_and_weights_are_the_matrices_in_between(engine, kind, rng):
    query, key, value = (rng.normal(size=(2, n, 7)) for n in (11, 13, 13))
    mask = mask_of(kind, rng)
    attn_mask = mask.get("where", mask.get("bias"))
    attn_mask = None if attn_mask is None else engine.array(attn_mask)
    causal = mask.get("is_causal", False)
    given = (engine.array(query), engine.array(key), attn_mask, causal)
    scores, where = map(engine.numpy, attention_scores(*given))
    weights = engine.numpy(attention_weights(*given))
    expected = query @ key.swapaxes(-1, -2) / np.sqrt(7) + mask.get("bias", 0)
    np.testing.assert_allclose(scores, expected, atol=1e-14)
    keep = np.broadcast_to(mask.get("where", True), (2, 11, 13))
    keep = keep & (np.broadcast_to(mask.get("bias", 0.0), (2, 11, 13)) > -np.inf)
    np.testing.assert_array_equal(
        where, keep & np.tri(11, 13, dtype=bool) if causal else keep
    )
    assert where.dtype == bool
    assert (weights[~where] == 0).all()
    np.testing.assert_allclose(weights.sum(-1), where.any(-1), rtol=1e-13)
    close(weights @ value, attention_by_rows(query, key, value, **mask), "float64", 3)


def test_the_first_argument_positions_are_torch_s(rng):
    query, key, value = (
        torch.tensor(rng.normal(size=(3, 4, n, 8)), dtype=torch.float32)
        for n in (5, 7, 7)
    )
    theirs = torch.nn.functional.scaled_dot_product_attention
    bias = torch.tensor(rng.normal(size=(5, 7)), dtype=torch.float32)
    for given in [
        (query, key, value),
        (query, key, value, bias),
        (query, key, value, bias > -1, 0.0, False),
        (query, key, value, None, 0.0, True),
    ]:
        ours = scaled_dot_product_attention(*given)
        torch.testing.assert_close(ours, theirs(*given), rtol=1e-5, atol=1e-5)
    given = (query, key[:, :2], value[:, :2])
    ours = scaled_dot_product_attention(*given, None, 0.0, False, 0.3, True)
    expected = theirs(*given, scale=0.3, enable_gqa=True)
    torch.testing.assert_close(ours, expected, rtol=1e-5, atol=1e-5)


def test_a_model_may_swap_the_function_in(rng, monkeypatch):
    layer = torch.nn.TransformerEncoderLayer(6, 2, 5, dropout=0.0, batch_first=True)
    tokens = torch.tensor(rng.normal(size=(3, 7, 6)), dtype=torch.float32)
    expected = layer(tokens)
    calls = []

    def ours(*args, **kwargs):
        calls.append(kwargs)
        return scaled_dot_product_attention(*args, **kwargs)

    monkeypatch.setattr(torch.nn.functional, "scaled_dot_product_attention", ours)
    torch.testing.assert_close(layer(tokens), expected, rtol=1e-5, atol=1e-5)
    assert calls
