"""From comparisons to words: how the paper's claims are decided (STATISTICS.md, sections 3 to 5). No torch."""
