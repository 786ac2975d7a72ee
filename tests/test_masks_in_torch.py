"""Masks as tensors: compiled, batched, without memory, and on the device of `like`."""

import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensor, FakeTensorMode

from attention_lib import masks

MAKERS = {
    "causal": lambda x: masks.causal(3, x.shape[-2], align="end", like=x),
    "sliding": lambda x: masks.sliding_window(3, x.shape[-2], 2, like=x),
    "padding": lambda x: masks.padding([2, 3], x.shape[-2], like=x),
    "padding of tensors": lambda x: masks.padding(x.argmax(-2), x.shape[-2], like=x),
    "alibi": lambda x: masks.alibi(3, 3, x.shape[-2], like=x),
}
every_maker = pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)


@pytest.mark.parametrize("dynamic", [None, True])
def test_masks_are_compiled_whole_and_for_every_length(dynamic, device):
    def make(x):
        return [maker(x) for maker in MAKERS.values()]

    torch._dynamo.reset()
    whole = torch.compile(make, backend="eager", fullgraph=True, dynamic=dynamic)
    for n in (5, 7, 9):
        x = torch.randn(2, n, 3, device=device)
        for name, expected, actual in zip(MAKERS, make(x), whole(x), strict=True):
            assert actual.dtype == expected.dtype, name
            assert torch.equal(actual, expected), name


@every_maker
def test_a_mask_of_no_memory_has_its_shape(make):
    x = torch.randn(2, 5, 3)
    expected = make(x)
    on_meta = make(x.to("meta"))
    with FakeTensorMode() as mode:
        fake = make(mode.from_tensor(x))
    assert on_meta.is_meta
    assert isinstance(fake, FakeTensor)
    for mask in (on_meta, fake):
        assert mask.shape == expected.shape
        assert mask.dtype == expected.dtype


@every_maker
def test_a_mask_is_made_on_the_device_of_like_and_no_other(make, device):
    x = torch.randn(2, 5, 3, device=device)
    expected = make(x)
    with torch.device("meta"):  # as torch.set_default_device does
        actual = make(x)
    assert actual.device == x.device
    assert torch.equal(actual, expected)


def test_padding_may_be_batched():
    lengths = torch.tensor([2, 0, 5])
    expected = masks.padding(lengths, 5, like=lengths)
    actual = torch.vmap(lambda n: masks.padding(n, 5, like=n))(lengths)
    assert torch.equal(actual, expected)
