"""The HTTP surface that exporter and analyzer share: /metrics, health, a status page, TLS and users."""
