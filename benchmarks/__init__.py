"""Measurements, side by side with peers where there is one; never part of the tests."""
