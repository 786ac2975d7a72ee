"""The ways in which an engine computes attention, tried in order.

A way is an object with a `method`, the name under which it can be asked for;
``refuses(call, stream)``, which gives the reason why it cannot serve a call, or None;
and ``run(call, stream)``, which gives the output, or None where it turns out not to be
right for these numbers. `stream` is the record of how the call's weighting streams, or
None where it does not. To add one, write it and enter it into its engine's `WAYS`.
"""

__all__ = ["attend"]


def attend(call, ways, stream):
    """Compute a call by the first way that serves it, or by its method's."""
    own = [w for w in ways if call.method in ("auto", w.method)]
    reasons, tried = {}, False  # a dict, for it keeps their order
    for way in own:
        refused = way.refuses(call, stream)
        if refused is None:
            tried = True
            out = way.run(call, stream)
            if out is not None:
                return out
        else:
            reasons[refused] = way
    if tried:
        # What a method cannot do for these numbers, the others can.
        others = [w for w in ways if w not in own]
        return attend(call.by("auto"), others, stream)
    reason = "; ".join(reasons) or "there is none for these arrays"
    raise ValueError(f"method {call.method!r} is unavailable: {reason}")
