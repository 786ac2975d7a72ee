"""How streaming attention is cut into tiles: what was fastest on an H200, by head size.

Of each part the choices stand in order, with the bytes of shared memory that the
largest of its kernels takes; a card that has less gets a later one.
"""

from functools import cache
from typing import NamedTuple

import torch

from attention_lib.torch_backend.kernels.device import INTERPRETED

__all__ = ["TILES", "Tile", "choices_for", "tile_for"]


class Tile(NamedTuple):
    """Queries and keys of a tile, warps, stages of the pipeline, shared memory."""

    queries: int
    keys: int
    warps: int
    stages: int
    shared: int = 0

    @property
    def options(self):
        """Give it as a launch takes it."""
        return {
            "BLOCK_M": self.queries,
            "BLOCK_N": self.keys,
            "num_warps": self.warps,
            "num_stages": self.stages,
        }


LEAST_ROOM = 99 * 1024  # of the cards from sm_80 on
SMALL = Tile(16, 16, 4, 1)  # for the interpreter, in which only the tests run
# By part, bytes of a number, and the larger of the padded sizes of keys and values.
TILES = {
    ("forward", 2, 64): (Tile(128, 64, 4, 3),),
    ("forward", 2, 128): (Tile(128, 64, 8, 3), Tile(64, 64, 4, 2)),
    ("forward", 2, 256): (Tile(64, 32, 4, 2),),
    ("to queries", 2, 64): (Tile(128, 64, 4, 3),),
    ("to queries of more", 2, 64): (Tile(64, 64, 4, 3),),
    ("to queries", 2, 128): (Tile(128, 64, 8, 3), Tile(64, 64, 4, 2)),
    ("to queries", 2, 256): (Tile(64, 32, 8, 2),),
    ("to keys", 2, 64): (Tile(64, 64, 4, 3),),
    ("to keys", 2, 128): (Tile(32, 64, 4, 3), Tile(32, 64, 4, 2)),
    ("to keys", 2, 256): (Tile(32, 32, 8, 1),),
    ("forward", 4, 64): (Tile(64, 32, 8, 2),),
    ("forward", 4, 128): (Tile(32, 32, 8, 2),),
    ("forward", 4, 256): (Tile(16, 32, 8, 1),),
    ("to queries", 4, 64): (Tile(32, 32, 4, 2),),
    ("to queries", 4, 128): (Tile(32, 32, 8, 1),),
    ("to queries", 4, 256): (Tile(16, 16, 8, 1),),
    ("to keys", 4, 64): (Tile(32, 32, 8, 2),),
    ("to keys", 4, 128): (Tile(16, 32, 8, 1),),
    ("to keys", 4, 256): (Tile(16, 16, 8, 1),),
}


def choices_for(part, itemsize, width, more):
    """Give the tiles of a part in order; a softcap or a mask has `more` to hold."""
    own = TILES.get((f"{part} of more", itemsize, width)) if more else None
    return own or TILES[part, itemsize, width]


def tile_for(part, like, size, more=False):
    """Choose the tile of a part for tensors like one, of so many padded features."""
    if INTERPRETED:
        return SMALL
    choices = choices_for(part, like.element_size(), max(size, 64), more)
    room = _room(like.device)
    fitting = [tile for tile in choices if tile.shared <= room]
    return fitting[0] if fitting else choices[-1]


@cache
def _room(device):
    """Give the shared memory that a program may have on a device, in bytes."""
    if device.type != "cuda":  # the kernel is compiled, not run
        return LEAST_ROOM
    found = torch.cuda.get_device_properties(device)
    return getattr(found, "shared_memory_per_block_optin", LEAST_ROOM)
