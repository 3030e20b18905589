"""CEL as Kubernetes speaks it: compiled once, evaluated often; rules of the twin and selectors of devices.

Parsing and evaluating is done by the compiled CEL runtime of `cel-expr-python`; what Kubernetes adds to the language is
here: types, its library functions and the wording of its errors. Functions that are not there are refused by name where
an expression is written, never guessed.
"""
