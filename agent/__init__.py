"""The cluster agent: connects a Kubernetes cluster to Lariat and asks its API server what the server wants to know."""
