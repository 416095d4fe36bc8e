"""Exact inference for small numbers: tests, intervals and estimates that hold at any sample size.

Each module is one question to the data. A function for one trial returns its result or
`NotEstimable`; `every_trial` gives the same for a leading trial axis. Impossible arguments (a count
above its total, an unknown word, a level outside 0 … 1) raise ValueError; data that hold no answer
(no values, all equal, a value that is not finite) give `NotEstimable`. NaN is never an answer.
"""
