"""Many values in one test, where a test for each would take longer to set up."""

import copy
import functools
import inspect


def in_turn(names, values):
    """Call a test with each value in turn; a failure names the value.

    Written like ``pytest.mark.parametrize``. Fixtures are made once, but the generator
    `rng` starts for each value where it would in a test of its own.
    """
    names = (names,) if isinstance(names, str) else names

    def decorate(test):
        @functools.wraps(test)
        def run(**given):
            for value in values:
                now = given | dict(zip(names, in_tuple(value, names), strict=True))
                if "rng" in given:
                    now["rng"] = copy.deepcopy(given["rng"])
                try:
                    test(**now)
                except Exception as error:
                    error.add_note(f"{', '.join(names)} = {value!r}")
                    raise

        signature = inspect.signature(test)
        kept = [p for p in signature.parameters.values() if p.name not in names]
        run.__signature__ = signature.replace(parameters=kept)
        return run

    return decorate


def in_tuple(value, names):
    """Give the value of one name as a tuple, and those of several as they are."""
    return (value,) if len(names) == 1 else value
