"""Every kind of resource, declared once: from that follow routing, validation, ids, filters and the schemas clients read."""
