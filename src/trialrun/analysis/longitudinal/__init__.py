"""Measurements repeated over visits: models for small trials, and the rank and variance tests beside them.

`changes` is the front door: the mean change from baseline at each visit, by arm and between arms, from
a mixed model for repeated measures. Everything is batched: one real trial is a batch of one.
SciPy is imported inside the functions that need it.
"""
