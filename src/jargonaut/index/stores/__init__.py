"""Databases that hold collections: one module each, imported only when it is chosen."""
