"""The exporter: collectors in, one fold into totals saved before it is shown, /metrics out."""
