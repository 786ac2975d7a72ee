"""Replicas: no one of them notices the others, and each step is the recipe's."""

import math

import pytest
import torch

from attention_lib.book.experiments import replicas


def trained(targets, recipe, steps=20):
    """Fit two numbers of each replica to targets of (replicas, 2)."""
    place = torch.zeros_like(targets, requires_grad=True)
    replicas.train(
        {"place": place},
        lambda: (place - targets).square().sum(1),
        steps,
        0.1,
        recipe,
    )
    return place.detach()


@pytest.mark.parametrize("recipe", [replicas.PLAIN, replicas.STANDARD], ids=str)
def test_a_replica_alone_learns_the_same(recipe):
    targets = torch.tensor([[1.0, 2.0], [1e6, -1e6], [0.0, 1e-3]])
    together = trained(targets, recipe)
    for each in range(3):
        alone = trained(targets[each : each + 1], recipe)
        assert torch.equal(together[each : each + 1], alone)


def test_the_rate_rises_to_its_full_height_and_falls_to_zero():
    factors = [replicas.STANDARD.factor(step, 100) for step in range(100)]
    assert factors[:2] == pytest.approx([0.1, 0.2])
    assert factors[9] == factors[10] == 1
    assert factors[55] == pytest.approx(0.5)
    assert factors[-1] < 0.001
    assert replicas.PLAIN.factor(0, 100) == replicas.PLAIN.factor(99, 100) == 1


def test_a_gradient_is_clipped_in_its_own_replica_only():
    first, second = torch.tensor([[3.0], [0.3]]), torch.tensor([[4.0], [0.4]])
    replicas._clip([first, second], 1.0)
    assert torch.cat([first, second], 1).norm(dim=1).tolist() == pytest.approx([1, 0.5])


def test_each_replica_has_its_own_matrix_from_the_stated_range():
    drawn = replicas.matrix(replicas.stream(0), 5, 16, 50).detach()
    assert drawn.shape == (5, 16, 50)
    assert drawn.abs().max() <= 0.25
    assert drawn.std().item() == pytest.approx(0.25 / math.sqrt(3), rel=0.03)
    assert len({float(d[0, 0]) for d in drawn}) == 5


def test_a_layer_multiplies_by_the_replica_s_own_matrix():
    source = replicas.stream(0)
    x = replicas.normal(source, 2, 3, 5, 7)
    weight = replicas.matrix(source, 2, 7, 11).detach()
    offset = replicas.bias(source, 2, 7, 11).detach()
    torch.testing.assert_close(
        replicas.apply(x, weight, offset)[1, 2], x[1, 2] @ weight[1] + offset[1]
    )


def test_the_same_seed_draws_the_same():
    drawn = [replicas.units(replicas.stream(3), 2, 5, 7) for _ in range(2)]
    assert torch.equal(*drawn)
    assert torch.allclose(drawn[0].norm(dim=-1), torch.ones(2, 5))
