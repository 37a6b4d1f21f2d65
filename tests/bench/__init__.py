"""The benchmark: Lariat beside the bare API server, in one run on one machine. ``make bench`` starts it."""
