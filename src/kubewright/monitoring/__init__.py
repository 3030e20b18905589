"""Watching a cluster: what Prometheus scrapes and rules on, whom Alertmanager tells, and alerts as work to do.

Everything that Prometheus, Alertmanager and Grafana are configured with is data that pure functions return
(`scrape`, `shipped`, `routing`, `dashboards`); `forms` puts it into files, ConfigMaps or the Prometheus Operator's
objects. `receiver` takes alerts in, for `service` to act on.
"""
