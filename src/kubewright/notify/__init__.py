"""Telling people: webhooks, Slack's format, mail. Services tell by `service.Notifier` (`docs/notifications.md`)."""
