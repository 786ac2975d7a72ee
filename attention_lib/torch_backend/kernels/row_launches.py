"""How rows are given to programs: what was fastest on an H200, by their length."""

import triton

__all__ = ["IN_REGISTERS", "TILE", "TILE_WARPS", "whole_rows"]

# Keys; longer rows are read again for each pass. Rules that need many registers for a
# number go over to that earlier, or they would spill and take minutes to compile.
IN_REGISTERS = 32_768
TILE, TILE_WARPS = 4096, 8  # of a long row at a time
LEAST = 1024  # numbers of a program
VECTOR = 16  # bytes that a thread reads at once


def whole_rows(n, itemsize, heavy=False):
    """Give the block, the rows of a program, its warps, and the parts of a row.

    A part is what one read of all threads spans, so that its maximum needs none of the
    other threads; rows without parts have one. What is `heavy` has four times as many
    warps.
    """
    block = max(16, triton.next_power_of_2(n))
    rows = max(1, LEAST // block)
    warps = min(8, max(1, block * itemsize // (4 * LEAST)))
    warps = min(16, 4 * warps) if heavy else warps
    width = 32 * warps * (VECTOR // itemsize)
    parts = block // width if rows == 1 and block >= 4 * width else 1
    return block, rows, warps, parts
