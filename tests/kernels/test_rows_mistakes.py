"""Mistakes in the kernel of rows: each is put in its place, and must be noticed."""

import pytest
import torch
import triton
import triton.language as tl

from attention_lib.torch_backend.kernels import row_backward, row_forward, row_tiles
from tests.kernels import test_rows as rows
from tests.kernels import test_rows_edges as edges

MISTAKES = {}


def case_of(name, **params):
    (case,) = [c for c in rows.TAKEN if (c.name, c.params) == (name, params)]
    return case


SOFTMAX, SOFTMAX1 = case_of("softmax"), case_of("softmax1", offset=2)
SPARSEMAX, SOFTPICK = case_of("sparsemax"), case_of("softpick")
(LEARNED,) = [c for c in rows.TAKEN if c.name == "entmax" and not c.numbers]
(WARM,) = [c for c in rows.TAKEN if c.name == "softmax" and not c.numbers]


def weights_of(case, n=rows.N):
    def check(rng, eagerly, monkeypatch):
        scores = 2 * rng.normal(size=(2, n))
        rows.checked(case, scores, None, "float32", rows.drawn(case, rng, (2, 1)))

    return check


def masked_weights_of(case):
    def check(rng, eagerly, monkeypatch):
        scores, where = 2 * rng.normal(size=(5, rows.N)), rows.mask(rng)
        rows.checked(case, scores, where, "float32", rows.drawn(case, rng))

    return check


def gradients_of(case):
    return lambda rng, eagerly, monkeypatch: rows.compared(case, rng, eagerly, None)


def hidden_from(case):
    def check(rng, eagerly, monkeypatch):
        edges.test_what_takes_no_part_gets_and_gives_no_gradient(
            case, False, rng, monkeypatch
        )

    return check


def mistake(modules, name, *checks):
    """Enter the wrong function below, with the checks that must notice it."""

    def enter(wrong):
        for i, check in enumerate(checks):
            MISTAKES[f"{wrong.__name__}-{i}"] = modules, name, triton.jit(wrong), check
        return wrong

    return enter


@mistake([row_forward], "lowest", weights_of(SPARSEMAX), weights_of(SPARSEMAX, 300))
def a_start_above_the_threshold(like, FAMILY: tl.constexpr):
    return 0.0 * like - 0.1


@mistake([row_forward], "scores_of", weights_of(SOFTMAX), weights_of(SOFTMAX1))
def a_tail_that_scores_zero(X, place, taking):
    return tl.load(X + place, mask=taking, other=0.0).to(tl.float32)


@mistake([row_forward], "extra_share", weights_of(SOFTMAX1), gradients_of(SOFTMAX1))
def an_offset_left_out_of_the_sum(
    base, par, eps, FAMILY: tl.constexpr, POWER: tl.constexpr
):
    return 0.0 * base


@mistake([row_forward], "_of_those", masked_weights_of(SOFTMAX))
def nan_where_every_key_is_masked(taking, w):
    return w


@mistake([row_backward], "_mean", gradients_of(SPARSEMAX), gradients_of(SOFTMAX))
def a_threshold_that_does_not_depend_on_scores(a, b, FAMILY: tl.constexpr):
    return 0.0 * a


@mistake([row_backward], "derivative_in_alpha", gradients_of(LEARNED))
def an_alpha_that_moves_no_weight(w, c):
    return 0.0 * w


@mistake([row_backward], "_in_factor", gradients_of(WARM))
def a_temperature_that_moves_each_weight_alone(d, x, middle):
    return tl.where(x > 0, d * x, 0.0)


@mistake([row_backward, row_tiles], "taking_of", hidden_from(SOFTPICK))
def gradients_read_where_nothing_takes_part(
    WHERE, start, col, step, inside, MASKED: tl.constexpr
):
    return inside


@mistake([row_forward, row_backward], "start_of_mask", masked_weights_of(SOFTMAX))
def a_mask_of_the_first_row_for_all(row, size1, size2, s0, s1, s2):
    return 0 * row


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_noticed(name, rng, eagerly, monkeypatch):
    modules, target, wrong, check = MISTAKES[name]
    with monkeypatch.context() as patch:
        for module in modules:
            patch.setattr(module, target, wrong)
        with pytest.raises(AssertionError):
            check(rng, eagerly, monkeypatch)
    check(rng, eagerly, monkeypatch)
    assert torch.is_grad_enabled()
