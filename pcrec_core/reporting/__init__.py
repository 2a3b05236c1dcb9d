"""Tables, figures and sentences for the pages of the book."""
