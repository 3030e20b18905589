"""CEL as Kubernetes speaks it: rules of CRDs and admission policies, compiled once and evaluated for each write.

Parsing and evaluating is done by the compiled CEL runtime of `cel-expr-python`; what Kubernetes adds to the language is
here: types read from a CRD's schema, the names of its fields, its library functions and the wording of its errors.
Functions that the twin does not have are refused by name where an expression is written, never guessed.
"""
