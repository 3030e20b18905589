"""The dashboards that are shipped, as data: `board` has the nouns, `grafana` draws them, the rest say what is shown."""
