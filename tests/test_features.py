"""Random features: their average, how fast they come near it, what they refuse."""

import copy
import pickle

import numpy as np
import pytest
import torch

from attention_lib import (
    PositiveRandomFeatures,
    definitions,
    linear_attention,
    scaled_dot_product_attention,
)
from tests.engines import tolerance
from tests.linear_attention import attend, for_engine

draw = PositiveRandomFeatures.draw


def test_the_features_by_hand(engine):
    features = PositiveRandomFeatures(engine.array([[1.0, 0.0], [3.0, 1.0]]))
    actual = engine.numpy(features(engine.array([[2.0, 0.0], [1.0, 1.0]])))
    expected = np.exp([[2 - 2, 6 - 2], [1 - 1, 4 - 1]]) / np.sqrt(2)
    np.testing.assert_allclose(actual, expected, rtol=1e-15)


def test_products_of_features_are_exponentials_on_average():
    query, key = np.array([[0.3, -0.5, 0.2]]), np.array([[-0.4, 0.1, 0.6]])
    for orthogonal in (False, True):
        products = [
            phi(query) @ phi(key).T
            for seed in range(400)
            for phi in [draw(3, 6, np.random.default_rng(seed), orthogonal=orthogonal)]
        ]
        error = np.mean(products) - np.exp(query @ key.T)
        assert abs(error.item()) < 4 * np.std(products) / 20  # four standard errors


def softmax_error(d, m, rng, orthogonal):
    query, key, value = (rng.normal(size=(n, d)) / 4 for n in (13, 31, 31))
    phi = draw(d, m, rng, orthogonal=orthogonal)
    actual = linear_attention(query, key, value, feature_map=phi, scale=1.0)
    expected = definitions.attention(query * np.sqrt(d), key, value)
    return np.sqrt(((actual - expected) ** 2).mean())


@pytest.mark.parametrize("orthogonal", [True, False])
def test_the_error_to_softmax_falls_like_one_over_the_root_of_m(orthogonal):
    sizes = [32, 128, 512, 2048]
    errors = [
        [softmax_error(8, m, np.random.default_rng(seed), orthogonal) for m in sizes]
        for seed in range(20)
    ]
    typical = np.sqrt((np.array(errors) ** 2).mean(0))
    slope = np.polyfit(np.log(sizes), np.log(typical), 1)[0]
    # Over 20 draws the root of a mean square is known to about one part in six; at the
    # ends of a factor of 64 that moves the slope by less than 0.1.
    assert slope == pytest.approx(-0.5, abs=0.1)
    assert typical[-1] < 0.01


def test_right_angles_make_the_error_smaller():
    def error(orthogonal):
        errors = [
            softmax_error(16, 16, np.random.default_rng(seed), orthogonal)
            for seed in range(300)
        ]
        return np.sqrt(np.mean(np.square(errors)))

    assert error(True) < 0.95 * error(False)  # 0.84 here, 0.92 from others


def test_directions_are_at_right_angles_in_blocks():
    w = draw(5, 12, np.random.default_rng(0)).projection
    assert w.shape == (12, 5)
    directions = w / np.linalg.norm(w, axis=-1, keepdims=True)
    for block in (slice(0, 5), slice(5, 10), slice(10, 12)):
        angles = directions[block] @ directions[block].T
        np.testing.assert_allclose(angles, np.eye(len(angles)), atol=1e-14)
    lengths = np.linalg.norm(
        draw(5, 4000, np.random.default_rng(1)).projection, axis=-1
    )
    assert lengths.std() > 0.5  # those of normal vectors, not all alike
    assert (lengths**2).mean() == pytest.approx(5, rel=0.05)


@pytest.mark.parametrize("is_causal", [True, False])
@pytest.mark.parametrize("size", [6.0, 40.0])
def test_features_that_vanish_or_overflow_still_average(engine, is_causal, size, rng):
    # With |k| = 40 every feature of a key is below e^-700, in float32 all zero.
    query = rng.normal(size=(5, 4))
    key = rng.normal(size=(5, 4))
    key *= size / np.linalg.norm(key, axis=-1, keepdims=True)
    value = rng.normal(size=(5, 3))
    phi = draw(4, 11, rng)
    logs = [phi.log_features(a)[..., None, :] for a in (query, key)]
    scores = np.logaddexp.reduce(logs[0] + np.swapaxes(logs[1], 0, 1), -1)
    if is_causal:
        scores = np.where(np.tri(5) > 0, scores, -np.inf)
    scores -= scores.max(-1, keepdims=True)
    expected = definitions.softmax(scores) @ value
    for dtype in ("float32", "float64"):
        actual = attend(
            engine, dtype, (query, key, value), feature_map=phi, is_causal=is_causal
        )
        error = tolerance(dtype, 4000)  # exponents of -800 have lost three digits
        np.testing.assert_allclose(actual, expected, rtol=error, atol=error)


def test_what_is_subtracted_is_put_back_without_the_division(engine, rng):
    query, key, value = (rng.normal(size=(2, 7, n)) for n in (4, 4, 3))
    phi = draw(4, 11, rng)
    whole = for_engine(engine, phi).__call__  # a function, of which nothing is known
    for is_causal in (True, False):
        options = {"normalize": False, "is_causal": is_causal}
        given = (3 * query, 3 * key, value)
        actual = attend(engine, "float64", given, feature_map=phi, **options)
        plain = attend(engine, "float64", given, feature_map=whole, **options)
        np.testing.assert_allclose(actual, plain, rtol=1e-11)


def test_tensors_are_drawn_like_a_tensor(device):
    like = torch.zeros(2, dtype=torch.float32, device=device)
    phi = draw(5, 7, np.random.default_rng(3), like=like)
    expected = draw(5, 7, np.random.default_rng(3)).projection
    assert phi.projection.dtype == torch.float32
    assert phi.projection.device == like.device
    np.testing.assert_array_equal(phi.projection.cpu(), expected.astype(np.float32))


def test_16_bit_vectors_have_features_of_16_bits():
    phi = draw(3, 5, np.random.default_rng(0), like=torch.zeros(1))
    x = torch.randn(7, 3).to(torch.bfloat16)
    assert phi(x).dtype == torch.bfloat16
    torch.testing.assert_close(phi(x), phi(x.float()).to(torch.bfloat16))


def test_features_can_be_saved_and_copied():
    phi = draw(3, 5, np.random.default_rng(0))
    x = np.ones((2, 3))
    for again in (copy.deepcopy(phi), pickle.loads(pickle.dumps(phi))):
        np.testing.assert_array_equal(again(x), phi(x))


def test_what_the_features_refuse(engine, rng):
    with pytest.raises(TypeError, match=r"rng must be a numpy.random.Generator; got a"):
        draw(3, 5, 0)
    for sizes in [(0, 5), (3, 0)]:
        with pytest.raises(ValueError, match="must be at least 1; got 0"):
            draw(*sizes, rng)
    with pytest.raises(TypeError, match="like must be a torch Tensor; got a NumPy arr"):
        draw(3, 5, rng, like=np.ones(2))
    for shape in [(3,), (0, 3)]:
        with pytest.raises(ValueError, match=r"projection must be of shape \(..., m"):
            PositiveRandomFeatures(engine.array(np.ones(shape)))
    phi = PositiveRandomFeatures(engine.array(np.ones((5, 3))))
    with pytest.raises(ValueError, match="are of vectors of size 3; got 4"):
        phi(engine.array(np.ones((2, 4))))


def test_a_flag_that_is_none_is_refused(rng):
    message = "orthogonal must be True or False; got 'no'"
    with pytest.raises(TypeError, match=message):
        draw(3, 5, rng, orthogonal="no")


def test_features_of_the_other_library_are_refused(rng):
    given = [torch.ones(2, 3, dtype=torch.float64)] * 3
    with pytest.raises(TypeError, match="projection is a NumPy array"):
        linear_attention(*given, feature_map=draw(3, 5, rng))


def test_many_features_come_close_to_softmax(rng):
    query, key, value = (rng.normal(size=(2, 9, 4)) / 2 for _ in range(3))
    phi = draw(4, 20000, rng)
    actual = linear_attention(query, key, value, True, feature_map=phi, scale=0.5)
    expected = scaled_dot_product_attention(query, key, value, is_causal=True)
    np.testing.assert_allclose(actual, expected, atol=0.05)
