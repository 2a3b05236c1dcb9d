"""Specs of runs and of derived results: frozen values with an identity."""
