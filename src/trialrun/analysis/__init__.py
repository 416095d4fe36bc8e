"""What does it mean? Statistics as pure functions over NumPy arrays.

A real trial is the case of one: batched functions take a leading trial axis and a mask that is
True where a value was observed. SciPy is imported inside the functions that need it, since it
costs more than everything else here.
"""
