"""Many values in one test, where a test for each would take longer to set up."""

import functools
import inspect


def in_turn(name, values):
    """Call a test with each value in turn; a failure names the value.

    Written like ``pytest.mark.parametrize``, with one name. Fixtures are made once.
    """

    def decorate(test):
        @functools.wraps(test)
        def run(**given):
            for value in values:
                try:
                    test(**given, **{name: value})
                except Exception as error:
                    error.add_note(f"{name} = {value!r}")
                    raise

        signature = inspect.signature(test)
        kept = [p for p in signature.parameters.values() if p.name != name]
        run.__signature__ = signature.replace(parameters=kept)
        return run

    return decorate
