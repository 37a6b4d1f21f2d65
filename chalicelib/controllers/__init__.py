"""Controllers: from what is desired and observed to a plan. They see values only; ``reconcile.py`` does the rest."""
