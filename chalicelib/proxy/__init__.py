"""The Kubernetes auth proxy: what of a caller's request reaches a cluster, and as whom."""
