"""The overview board, a module for each group of rows."""
