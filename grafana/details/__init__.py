"""The board of details, a module for each group of rows."""
