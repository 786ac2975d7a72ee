"""The fold at the edges: masks, numbers that are none, refusals and gradients."""

import numpy as np
import pytest
import torch

import attention_lib as al
from attention_lib import (
    NormalizedSigmoid,
    NormalizedTanh,
    Softmax,
    Softmax1,
    Softpick,
    State,
    finalize,
    merge,
    partial_attention,
    scaled_dot_product_attention,
)
from tests.derivatives import gradcheck
from tests.folding import (
    KEYS,
    QUERIES,
    every_foldable,
    merged,
    options_of,
    parts,
    three,
)
from tests.in_turn import in_turn
from tests.oracle import attention_by_rows, close
from tests.user_weightings import (
    FORMULAS,
    MeanExponential,
    NormalizedReLU,
    OffByOne,
    Scalable,
    SquaredReLU,
    Squares,
    TextbookSparsemax,
    TopOne,
    name_of,
)

INF, NAN = np.inf, np.nan
NORMALISING = [
    *(Softmax(), Softmax1(), Softpick(), NormalizedSigmoid(), NormalizedTanh()),
    *(al.NormalizedReLU(), NormalizedReLU()),
]


@every_foldable
@in_turn("edges", [[], [1], [4, 9]])
@in_turn("poison", [0.0, NAN, INF])
def test_masks_are_cut_with_the_keys(engine, weighting, edges, poison, rng):
    if isinstance(weighting, Scalable | MeanExponential):
        return  # n differs from query to query
    query, key, value = three(rng)
    where = rng.random((2, QUERIES, KEYS)) < 0.6
    where[0, 2], where[..., 3] = False, False
    expected = attention_by_rows(
        query, key, value, where=where, formula=FORMULAS[weighting]
    )
    key[:, 3], value[:, 3] = poison, poison
    states = parts(
        engine, query, key, value, edges, where=where, **options_of(weighting)
    )
    actual = engine.numpy(finalize(merged(states)))
    if isinstance(weighting, Softmax):
        close(actual, expected, "float64", 3)
    whole = scaled_dot_product_attention(query, key, value, where, weighting=weighting)
    np.testing.assert_allclose(actual, whole, rtol=1e-11, atol=1e-13)
    assert (actual[0, 2] == 0).all()


@pytest.mark.parametrize("poison", [NAN, INF])
@pytest.mark.parametrize("place", [0, 6, 12])
def test_nan_spoils_its_query_and_no_other(engine, poison, place, rng):
    query, key, value = three(rng)
    expected = attention_by_rows(query, key, value)
    query[1, 3] = poison
    states = parts(engine, query, key, value, [4, 8])
    actual = engine.numpy(finalize(merged(states)))
    assert np.isnan(actual[1, 3]).all()
    close(actual[0], expected[0], "float64", 3)
    key[0, place] = NAN
    states = parts(engine, query, key, value, [4, 8])
    assert np.isnan(engine.numpy(finalize(merged(states)))[0]).all()


@pytest.mark.parametrize("weighting", NORMALISING, ids=name_of)
@in_turn("edges", [[], [4], [1, 2, 12]])
def test_scores_that_are_all_minus_infinity_are_nan_as_in_attention(
    engine, edges, weighting
):
    query, value = np.ones((QUERIES, 1)), np.ones((KEYS, 3))
    key = np.full((KEYS, 1), -INF)
    where = np.ones((QUERIES, KEYS), bool)
    where[2], where[3, :4] = False, False
    options = {"where": where, "weighting": weighting}
    states = parts(engine, query, key, value, edges, **options)
    actual = engine.numpy(finalize(merged(states)))
    assert (actual[2] == 0).all()
    assert np.isnan(actual[[0, 1, 3, 4]]).all()
    key[6] = 1.0
    states = parts(engine, query, key, value, edges, **options)
    actual = engine.numpy(finalize(merged(states)))
    whole = scaled_dot_product_attention(
        query, key, value, where, weighting=weighting, method="dense"
    )
    np.testing.assert_allclose(actual, whole, rtol=1e-14)
    assert (actual[[0, 1, 3, 4]] > 0).all()


def test_scores_that_overflow_together_are_nan_as_in_attention(engine):
    query, key = np.ones((QUERIES, 1)), np.full((KEYS, 1), -1e308)
    options = {"weighting": NormalizedSigmoid(bias=-1e308), "scale": 1.0}
    given = (query, key, np.ones((KEYS, 3)))
    whole = scaled_dot_product_attention(*given, **options, method="dense")
    assert np.isnan(whole).all()
    states = parts(engine, *given, [4], **options)
    assert np.isnan(engine.numpy(finalize(merged(states)))).all()


def test_scores_far_apart_merge_without_overflow(engine, rng):
    query, value = np.ones((QUERIES, 1)), rng.normal(size=(KEYS, 3))
    key = rng.normal(size=(KEYS, 1)) + 800 * np.arange(-6, 7)[:, None]
    expected = np.broadcast_to(value[-1], (QUERIES, 3))
    for order in (1, -1):
        states = parts(
            engine, query, key[::order].copy(), value[::order].copy(), [3, 5, 9]
        )
        actual = engine.numpy(finalize(merged(states)))
        np.testing.assert_allclose(actual, expected, rtol=1e-14)


def test_different_weightings_do_not_merge(engine, rng):
    arrays = [engine.array(a) for a in three(rng)]
    states = [
        partial_attention(*arrays, weighting=w)
        for w in (
            Softmax(),
            Softmax(2.0),
            Softmax(engine.array(np.ones((2, 1, 1)))),
            OffByOne(),
            Squares(),
            SquaredReLU(),
        )
    ]
    for a in states:
        for b in states:
            if a is not b:
                with pytest.raises(ValueError, match="the weightings differ: "):
                    merge(a, b)
    again = partial_attention(
        *arrays, weighting=Softmax(engine.array(np.ones((2, 1, 1))))
    )
    merge(states[2], again)


COUNTS = [
    (7, 8),
    (7, [[7], [7], [7]]),
    ([[7], [7], [7]], [[7], [8], [7]]),
]


@pytest.mark.parametrize(("one", "other"), COUNTS)
def test_states_that_count_other_keys_do_not_merge(engine, one, other, rng):
    given = [engine.array(rng.normal(size=(3, 2))) for _ in range(3)]

    def state(n_keys):
        n = n_keys if isinstance(n_keys, int) else engine.array(n_keys)
        return partial_attention(*given, weighting="scalable_softmax", n_keys=n)

    merge(state(one), state(one))
    with pytest.raises(ValueError, match="the states count other keys"):
        merge(state(one), state(other))


@pytest.mark.parametrize("weighting", [TextbookSparsemax(), TopOne()], ids=name_of)
def test_kinds_without_a_state_say_so(engine, weighting, rng):
    arrays = [engine.array(a) for a in three(rng)]
    message = f"is of the {weighting.kind} kind: no finite state exists"
    with pytest.raises(TypeError, match=message):
        partial_attention(*arrays, weighting=weighting)


@pytest.mark.parametrize("weighting", [Scalable(), MeanExponential()], ids=name_of)
def test_the_number_of_keys_must_be_given_where_it_is_used(weighting, rng):
    with pytest.raises(ValueError, match="uses the number of keys: give n_keys"):
        partial_attention(*three(rng), weighting=weighting)


def test_what_cannot_be_merged_or_finalized_is_refused(engine, rng):
    arrays = [engine.array(a) for a in three(rng)]
    state = partial_attention(*arrays)
    with pytest.raises(ValueError, match="nothing was folded: the identity state"):
        finalize(State.identity())
    with pytest.raises(TypeError, match="finalize takes a State; got a"):
        finalize(arrays[0])
    with pytest.raises(TypeError, match="merge takes two States; got a"):
        merge(state, arrays[0])
    fewer = partial_attention(arrays[0][:, :2], *arrays[1:])
    with pytest.raises(ValueError, match=r"of different queries: \(2, 5, 3\) and \(2"):
        merge(state, fewer)
    with pytest.raises(ValueError, match="offset must be at least 0; got -1"):
        partial_attention(*arrays, key_offset=-1)
    with pytest.raises(ValueError, match="key and value lengths differ: 13 and 5"):
        partial_attention(arrays[0], arrays[1], arrays[0])


def test_states_of_two_libraries_do_not_merge(rng):
    arrays = three(rng)
    ours, theirs = (
        partial_attention(*arrays),
        partial_attention(*map(torch.tensor, arrays)),
    )
    for pair in ((ours, theirs), (theirs, ours)):
        with pytest.raises(TypeError, match="pass all arrays of one library"):
            merge(*pair)


@every_foldable
def test_gradients_flow_through_the_fold(weighting, rng, device):
    arrays = [torch.tensor(a, device=device, requires_grad=True) for a in three(rng)]
    where = torch.tensor(rng.random((QUERIES, KEYS)) < 0.7, device=device)
    where[2] = False
    options = options_of(weighting)
    if weighting.uses_n:
        options["n_keys"] = where.sum(-1, keepdim=True)

    def folded(query, key, value):
        whole = State.identity()
        for block in (slice(0, 4), slice(4, 5), slice(5, KEYS)):
            part = partial_attention(
                query, key[:, block], value[:, block], where[:, block], **options
            )
            whole = merge(part, whole)
        return finalize(whole)

    def loss(out):
        return (out * torch.arange(1.0, 4.0, device=device)).square().sum()

    actual = torch.autograd.grad(loss(folded(*arrays)), arrays)
    assert all(grad.isfinite().all() for grad in actual)
    assert (actual[0][:, 2] == 0).all()
    out = scaled_dot_product_attention(
        *arrays, where, weighting=weighting, method="dense"
    )
    torch.testing.assert_close(actual, torch.autograd.grad(loss(out), arrays))


@pytest.mark.parametrize("poison", [0.0, torch.nan, torch.inf])
def test_learned_parameters_get_gradients_through_the_fold(poison, rng):
    query, key, value = (torch.tensor(a) for a in three(rng))
    where = torch.ones(QUERIES, KEYS, dtype=torch.bool)
    where[2], where[:, 6] = False, False
    key[:, 6] = poison
    one = torch.tensor(0.7, dtype=torch.float64, requires_grad=True)
    for rule in (Softmax, OffByOne):
        weighting = rule(one)

        def folded(_, weighting=weighting):
            states = [
                partial_attention(
                    query, key[:, b], value[:, b], where[:, b], weighting=weighting
                )
                for b in (slice(0, 4), slice(4, KEYS))
            ]
            return finalize(merge(*states))

        assert gradcheck(folded, one)
