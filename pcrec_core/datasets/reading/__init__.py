"""The reading of a user's own file: detected, overridable, and reported.

``layout.layout_of`` decides how a file is read, ``reader.examine`` reads it.
"""
