"""A user's class that differs from ours in its rule alone is computed by its rule."""

import dataclasses

import numpy as np
import pytest

from attention_lib import Softmax, definitions, jacobian, partial_attention
from attention_lib._dispatch import masked, namespace
from attention_lib.weightings import REGISTRY, Exponential, Pointwise, Sum
from attention_lib.weightings.base import RULES
from tests.paths import follow, paths
from tests.test_every_path import KEYS, close, three


def halved(entry):
    """Change the rule for rows: half of every weight."""

    class Halved(entry.make):
        def weigh(self, scores, where=None):
            return super().weigh(scores, where) / 2

    return Halved, lambda s, **params: entry.definition(s, **params) / 2


def other_exponent(entry):
    """Change the exponent; the offset stays."""

    class Other(entry.make):
        def exponent(self, scores, n):
            return scores / 2 + 0.1 * scores**2

    def formula(scores, offset=-np.inf, **params):
        positive = np.exp(scores / 2 + 0.1 * scores**2)
        return positive / (np.exp(offset) + positive.sum())

    offset = getattr(entry.make(), "offset", None)
    return Other, lambda s, **p: formula(
        s, -np.inf if offset is None else p.get("offset", offset)
    )


def other_phi(entry):
    """Change the size of a score; the eps stays, a last divisor does not."""

    class Other(entry.make):
        def phi(self, scores, n=None):
            return 1 + scores**2

        def derivative(self, scores, n=None):
            return 2 * scores

    def formula(scores, eps=0.0, **params):
        sizes = 1 + scores**2
        return sizes if issubclass(Other, Pointwise) else sizes / (sizes.sum() + eps)

    return Other, lambda s, **p: formula(
        s, p.get("eps", getattr(entry.make(**p), "eps", 0.0))
    )


def other_log_phi(entry):
    """Change the logarithm of the size of a score."""

    class Other(entry.make):
        def log_phi(self, scores):
            return 0.3 * scores

        def log_derivative(self, scores):
            return 0.3 + 0 * scores

    return Other, lambda s, **params: definitions.softmax(0.3 * s)


def changed():
    """Give each registered class with each of its rules changed."""
    for entry in REGISTRY:
        changes = [halved]
        if issubclass(entry.make, Exponential):
            changes.append(other_exponent)
        if issubclass(entry.make, Sum | Pointwise):
            changes.append(other_phi)
        if hasattr(entry.make, "log_phi"):
            changes.append(other_log_phi)
        params = entry.examples[0]
        for change in changes:
            made, formula = change(entry)
            name = f"{entry.name}, {change.__name__}"
            yield pytest.param(made(**params), formula, params, id=name)


every_change = pytest.mark.parametrize(
    ("weighting", "formula", "params"), list(changed())
)


def by_formula(formula, params, scores, where):
    weights = np.zeros_like(scores)
    for row in np.ndindex(scores.shape[:-1]):
        kept = where[row]
        given = dict(params)
        if "k" in given:
            given["k"] = min(given["k"], int(kept.sum()))
        if kept.any():
            weights[row][kept] = formula(scores[row][kept], **given)
    return weights


@every_change
def test_own_weighting_law(engine, weighting, formula, params, small_blocks, rng):
    query, key, value = three(rng)
    scores = query @ key.swapaxes(-1, -2) / np.sqrt(3)
    for where in (np.ones((2, 5, KEYS), bool), rng.random((2, 5, KEYS)) < 0.7):
        where[..., 0] = True
        expected = by_formula(formula, params, scores, where)
        masks = [engine.array(where)] + [None] * bool(where.all())
        rows = weighting(engine.array(scores), where=masks[0])
        close(engine.numpy(rows), expected, 1e-12)
        given = [engine.array(a) for a in (query, key, value)]
        for mask in masks:
            for path in paths(engine, weighting):
                out = follow(path, *given, mask, weighting=weighting)
                if out is not None:
                    close(engine.numpy(out), expected @ value, 1e-11)


@every_change
def test_its_jacobian_is_its_rule_s_or_none_is_given(
    engine, weighting, formula, params, rng
):
    scores = rng.normal(size=(3, 5))
    if not weighting._speaker("slopes", RULES):
        with pytest.raises(TypeError, match="no Jacobian in closed form"):
            jacobian(weighting, engine.array(scores))
        return
    actual = engine.numpy(jacobian(weighting, engine.array(scores)))
    expected = definitions.jacobian(lambda s: by_all(formula, params, s), scores)
    np.testing.assert_allclose(actual, expected, atol=1e-8)


def by_all(formula, params, scores):
    return by_formula(formula, params, scores, np.ones(scores.shape, bool))


@every_change
def test_it_folds_by_its_rule_or_says_why_not(engine, weighting, formula, params, rng):
    given = [engine.array(a) for a in three(rng)]
    if "fold" not in paths(engine, weighting):
        with pytest.raises(
            TypeError, match=r"has a `weigh` of its own|no finite state"
        ):
            partial_attention(*given, weighting=weighting, n_keys=KEYS)


def test_an_own_parameter_is_no_rule(engine, rng):
    @dataclasses.dataclass(frozen=True, eq=False)
    class Warm(Softmax):
        label: str = "warm"
        relative: float = 3.0  # the name of something inside ours

    given = [engine.array(a) for a in three(rng)]
    for path in paths(engine, Warm(2.0)):
        ours = follow(path, *given, weighting=Warm(2.0))
        theirs = follow(path, *given, weighting=Softmax(2.0))
        np.testing.assert_array_equal(*map(engine.numpy, (ours, theirs)))


def test_a_field_may_have_any_name(engine, rng):
    @dataclasses.dataclass(frozen=True, eq=False)
    class Squares(Sum):
        relative: float = 1.0
        alpha: float = 1.5
        offset: float = 2.0

        def phi(self, scores):
            return scores**2

    query, key, value = three(rng)
    given = [engine.array(a) for a in (query, key, value)]
    sizes = (query @ key.swapaxes(-1, -2) / np.sqrt(3)) ** 2
    expected = sizes / sizes.sum(-1, keepdims=True) @ value
    for path in paths(engine, Squares()):
        out = follow(path, *given, weighting=Squares())
        if out is not None:
            close(engine.numpy(out), expected)


def test_a_rule_in_call_alone_is_refused():
    with pytest.raises(TypeError, match="put its rule into `weigh`"):

        class Mine(Softmax):
            def __call__(self, x, axis=-1, *, where=None):
                return x


def test_a_rule_in_both_is_taken():
    class Mine(Sum):
        def __call__(self, x, axis=-1, *, where=None):
            return super().__call__(x, axis, where=where)

        def weigh(self, scores, where=None):
            return masked(namespace(scores).ones_like(scores), where)

    np.testing.assert_array_equal(Mine()(np.arange(3.0)), [1, 1, 1])
