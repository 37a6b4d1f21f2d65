"""The resource store's own logic, above the ``Store`` port: the stored form, and the rules of a resource's life."""
