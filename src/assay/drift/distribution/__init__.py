"""Whether what a shop sells still looks as it always did: values, mixes, shares, errors, without asking any one order.

A window of half a day is summed up once and kept in the store; what is usual, and whether it is left, is worked out
from these sums alone, anew at each look. Of its modules only `checking`, `window` and `alarm` can be imported without
numpy, which comes with the extra `drift`.
"""
