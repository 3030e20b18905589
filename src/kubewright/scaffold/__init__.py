"""New projects and new kinds for operators: templates, and what fills them in.

`operator/` and `api/` are Copier templates (their `copier.yml` says what is asked), so that a project can also be made
and brought up to date by Copier itself; `kubewright new` fills them in without it (docs/adr/018).
"""
