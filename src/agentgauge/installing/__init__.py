"""Installing: wires agentgauge into git, pre-commit and Claude Code, and gives back what was there."""
