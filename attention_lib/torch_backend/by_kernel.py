"""The ways by kernels of a GPU, each of which is imported where it first serves."""

from attention_lib.torch_backend.kernels import device
from attention_lib.torch_backend.kernels.loading import kernel

__all__ = ["ByKernel"]


class ByKernel:
    """One kernel: a module that has a `refuses` and a `run` as a way has them."""

    method = "triton"

    def __init__(self, name, kinds):
        self.name, self.kinds = name, kinds

    def refuses(self, call, stream):
        """Refuse what no kernel takes, then what this one does not take."""
        if call.method == "auto" and not call.query.is_cuda:
            return "on a processor kernels run for tests alone"
        reason = device.refuses(
            call.query, call.key, call.value, call.bias, call.mask
        ) or _refused(call, stream)
        if reason is None and stream.kind not in self.kinds:
            reason = f"the {self.name} kernel takes no {stream.kind} weighting"
        return reason or kernel(self.name).refuses(call, stream)

    def run(self, call, stream):
        """Hand over to the kernel."""
        return kernel(self.name).run(call, stream)


def _refused(call, stream):
    """Say what no kernel does, whatever its weighting, or None."""
    if call.dropout_p:
        return "dropout needs all weights at once"
    name = type(call.weighting).__name__
    if stream is None or stream.formula is None:
        return f"kernels know the formulas of the library's own weightings; got {name}"
    return None
