"""From comparisons to verdicts: how the paper's claims are decided (:ref:`statistics-verdicts`)."""
