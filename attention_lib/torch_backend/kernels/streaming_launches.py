"""How streaming attention is cut into tiles: what was fastest on an H200, by head size.

Of each part the choices stand in order; a card that cannot hold one gets a later one.
"""

from functools import cache
from typing import NamedTuple

import torch

from attention_lib.torch_backend.kernels.device import INTERPRETED

__all__ = ["TILES", "Tile", "chosen", "tile_for"]


class Tile(NamedTuple):
    """Queries and keys of a tile, warps, and stages of the pipeline.

    The largest of its kernels takes so much `shared` memory on the cards that it is
    for, which have the capability `since` or a later one.
    """

    queries: int
    keys: int
    warps: int
    stages: int
    shared: int = 0
    since: int = 8

    @property
    def options(self):
        """Give it as a launch takes it."""
        return {
            "BLOCK_M": self.queries,
            "BLOCK_N": self.keys,
            "num_warps": self.warps,
            "num_stages": self.stages,
        }


LEAST = 8, 101_376  # capability and shared memory of any card that is served
SMALL = Tile(16, 16, 4, 1)  # for the interpreter, in which only the tests run
# By part, bytes of a number, and the larger of the padded sizes of keys and values. The
# first of 16 bits up to 128 were fastest on an H200; the others are untried.
TILES = {
    ("forward", 2, 64): (
        Tile(128, 64, 4, 3, 98_304, since=9),
        Tile(128, 64, 8, 3, 98_304),
    ),
    ("forward", 2, 128): (Tile(128, 64, 8, 3, 163_840), Tile(64, 64, 4, 2)),
    ("forward", 2, 256): (Tile(64, 32, 4, 2, 114_688, since=9), Tile(32, 32, 4, 1)),
    ("to queries", 2, 64): (
        Tile(128, 64, 4, 3, 81_920, since=9),
        Tile(128, 64, 8, 3, 98_304),
    ),
    ("to queries of more", 2, 64): (Tile(64, 64, 4, 3, 81_920),),
    ("to queries", 2, 128): (Tile(128, 64, 8, 3, 196_608), Tile(64, 64, 8, 2)),
    ("to queries", 2, 256): (Tile(64, 32, 8, 2, 147_456, since=9), Tile(32, 32, 8, 1)),
    ("to keys", 2, 64): (Tile(64, 64, 4, 3, 82_432),),
    ("to keys of more", 2, 64): (Tile(64, 32, 4, 3, 51_200),),
    ("to keys", 2, 128): (Tile(32, 64, 4, 3, 99_328), Tile(32, 64, 4, 2)),
    ("to keys", 2, 256): (Tile(32, 32, 8, 1, 98_304),),
    ("forward", 4, 64): (Tile(64, 32, 8, 2, 65_536),),
    ("forward", 4, 128): (Tile(32, 32, 8, 2, 81_920),),
    ("forward", 4, 256): (Tile(16, 32, 8, 1, 65_536),),
    ("to queries", 4, 64): (Tile(32, 32, 4, 2, 65_536),),
    ("to queries", 4, 128): (Tile(32, 32, 8, 1, 81_920),),
    ("to queries", 4, 256): (Tile(16, 16, 8, 1, 81_920),),
    ("to keys", 4, 64): (Tile(32, 32, 8, 2, 65_536),),
    ("to keys", 4, 128): (Tile(16, 32, 8, 1, 65_536),),
    ("to keys", 4, 256): (Tile(16, 16, 8, 1, 81_920),),
}


def tile_for(part, like, size, more=False):
    """Choose the tile of a part for tensors like one, of so many padded features.

    A softcap or a mask has `more` to hold.
    """
    if INTERPRETED:
        return SMALL
    return chosen(part, like.element_size(), size, more, *_card(like.device))


def chosen(part, itemsize, size, more, capability, room):
    """Choose the first tile that a card can hold."""
    width = max(size, 64)
    own = TILES.get((f"{part} of more", itemsize, width)) if more else None
    choices = own or TILES[part, itemsize, width]
    for tile in choices:
        if tile.since <= capability and tile.shared <= room:
            return tile
    return choices[-1]


@cache
def _card(device):
    """Give the capability of a device, and its shared memory for one program."""
    if device.type != "cuda":  # the kernel is compiled, not run
        return LEAST
    found = torch.cuda.get_device_properties(device)
    return found.major, getattr(found, "shared_memory_per_block_optin", LEAST[1])
