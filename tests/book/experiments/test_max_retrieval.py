"""The largest number: a shorter run and the saved one, by the same margins.

In brackets: the worst replica seen, of 10.
"""
