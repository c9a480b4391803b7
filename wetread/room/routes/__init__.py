"""The interface's routes, one module a noun."""
