"""The study: which runs it consists of, their records, and how missing ones are made."""
