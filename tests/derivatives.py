"""Derivatives beside differences: in one random direction, as torch tests its own.

A wrong derivative is wrong in nearly every direction, but by less than in its own: so
less is let pass than torch would. With ``WHOLE=1`` they are tried entry by entry, which
takes ten times as long.
"""

from functools import partial

import torch

from tests.in_rotation import WHOLE

__all__ = ["gradcheck", "gradgradcheck"]

# By torch itself, the tolerances are 1e-3 and 1e-5.
HOW = {"fast_mode": not WHOLE, "rtol": 1e-6, "atol": 1e-8}
gradcheck = partial(torch.autograd.gradcheck, **HOW)
gradgradcheck = partial(torch.autograd.gradgradcheck, **HOW)
