"""How large pods are: what containers request, by what they use. For `kubewright run sizing` and `kubewright size`.

`book` keeps what was used by workload and container, `observing` asks for it, `amounts` makes sizes of recommendations,
`decide` says which pods are resized, `upcoming` what the next release gets, `controller` does so for SizePolicies;
`gpus` says which share of a GPU would do.
"""
