"""The alerts that are shipped, by what they are about. Names are kube-prometheus' where it has one for the same."""
