"""The torch engine: the row rules and attention, wherever the tensors are."""

__all__: list[str] = []
