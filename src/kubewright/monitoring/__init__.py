"""Watching a cluster: what Prometheus scrapes and rules on, whom Alertmanager tells, and who is told of signals.

Everything that Prometheus, Alertmanager and Grafana are configured with is data that pure functions return
(`scrape`, `shipped`, `routing`, `dashboards`); `forms` puts it into files, ConfigMaps or the Prometheus Operator's
objects. `telling` writes what `signals` takes in on the objects.
"""
