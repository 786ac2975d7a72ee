"""Times of the library against its peers: `make bench`.

A benchmark is a module here with a docstring and a function `rows`. It gives both sides
the same input, dtype and threads, leaves the peer's arguments at their defaults, checks
that both give the same answer, and takes their times in turn. Those that need a GPU run
where they are named.
"""

NAMES = (
    "numpy_softmax",
    "numpy_attention",
    "torch_attention",
    "streamed_attention",
    "sparse_rows",
    "busy_neighbour",
    "import_time",
    "many_processes",
)
ON_A_GPU = ("gpu",)  # run where it is named
