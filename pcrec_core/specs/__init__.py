"""Specs: what is run, as frozen values with an identity."""
