"""Statistics: from records to the numbers of the claims, the tables and the figures."""
