"""The study: which runs, their records, and how the missing ones are made."""
