"""Graders of what is installed: kube-score, built from its Go module, and checkov and hadolint of an environment apart.

They are no dependencies of the project: checkov brings two hundred packages. `requirements.lock` pins them.
"""
