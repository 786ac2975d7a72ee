"""The NumPy engine: the row rules and attention, in place and in blocks."""

__all__: list[str] = []
