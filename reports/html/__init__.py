"""`report.html`: a record as one page that needs nothing else.

`page` knows what every page is made of (styles, script, what a browser may do with it). `conformance`
arranges a conformance run's record for its template, with `sequence` for the diagrams and `difference`
for expected against got; `load` arranges a load run's, `mutants` a kill matrix, `comparison` two
load runs. Templates hold the words and the structure, and no decisions.
"""

from . import comparison, conformance, load, mutants

__all__ = ["comparison", "conformance", "load", "mutants"]
