"""Did the cells answer an antigen? Counts in stimulated and control wells → net responses and decisions.

A result that the data do not hold is None, and its ``reason`` says why; it is never NaN, and an unknown is
never a silent "no". Probabilities and estimates are rounded to eight significant digits.
"""
