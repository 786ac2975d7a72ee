"""Derivatives beside differences: in one random direction, as torch tests its own.

A wrong derivative is wrong in nearly every direction, but by less than in its own: so
less is let pass than torch would. With ``WHOLE=1`` the first derivatives are tried
entry by entry, which takes ten times as long.
"""

import torch

from tests.in_rotation import WHOLE

__all__ = ["gradcheck", "gradgradcheck"]

CLOSE = {"rtol": 1e-6, "atol": 1e-8}  # torch's own: 1e-3 and 1e-5


def gradcheck(function, given, **options):
    """Compare the first derivatives with differences."""
    options |= {"fast_mode": not WHOLE, **CLOSE}
    return torch.autograd.gradcheck(function, given, **options)


def gradgradcheck(function, given, **options):
    """Compare the second derivatives with differences of the first."""
    options |= {"fast_mode": True, **CLOSE}
    return torch.autograd.gradgradcheck(function, given, **options)
