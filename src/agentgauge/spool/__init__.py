"""The spool: for processes too short to be scraped. One line per record, appended by anyone, read by the exporter."""
