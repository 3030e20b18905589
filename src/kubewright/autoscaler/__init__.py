"""ScalePolicies: how many pods workloads have, by what they do and what is coming.

`decide` is one policy's turn, pure, in the rules of `scaling`; `measuring` asks for all policies at once what was
measured, a question for each kind of metric; `controller` runs them every fifteen seconds.
"""
