"""The chapters print and draw the same with the arithmetic of another processor.

Another processor takes another kernel of OpenBLAS, which rounds after other additions,
and cuts the work for more threads: three here, where the other tests have one. A
chapter that prints or draws what rounding left would then differ from what is saved.
Every other page is tried, and all of them with ``WHOLE=1``.
"""

import os
import subprocess
import sys

import pytest

from tests.in_rotation import WHOLE
from tools.notebooks.forked_kernels import ADDRESS
from tools.run_notebooks import ROOT

CHAPTERS = sorted((ROOT / "chapters").glob("*.ipynb"))[:: 1 if WHOLE else 2]
# For Intel and AMD, then for ARM: first the plainest, which every processor can run,
# then one for a processor that takes the plainest itself.
KERNELS = ("Prescott", "Haswell", "ARMV8", "CORTEXA57")

NAME_IT = """\
import numpy, threadpoolctl
for library in threadpoolctl.threadpool_info():
    if library["internal_api"] == "openblas":
        print(library["architecture"])"""


def kernel_in_use(**environment):
    """Name the OpenBLAS kernel of a fresh NumPy; empty where its BLAS is another."""
    done = subprocess.run(
        [sys.executable, "-c", NAME_IT],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


@pytest.fixture(scope="module")
def another_kernel():
    """Give the setting under which OpenBLAS takes another kernel than it does here."""
    usual = kernel_in_use()
    if not usual:
        pytest.skip("NumPy's BLAS is not OpenBLAS here, so it has one kernel only")
    settings = [{"OPENBLAS_CORETYPE": name} for name in KERNELS]
    # A name of another family of processors is not heard.
    other = [each for each in settings if kernel_in_use(**each) != usual]
    assert other, f"this OpenBLAS has no kernel but {usual}"
    return other[0]


def test_the_chapters_print_and_draw_the_same(another_kernel, strict_run, tmp_path):
    # NumPy reads the settings when it is imported, so others' kernels will not do.
    settings = another_kernel | {"OMP_NUM_THREADS": "3", ADDRESS: ""}
    outcomes = strict_run(CHAPTERS, tmp_path, **settings)
    assert {chapter for chapter, _ in outcomes} == {path.stem for path in CHAPTERS}
    complaints = [said for said in outcomes.values() if said]
    assert not complaints, "\n".join(complaints)
