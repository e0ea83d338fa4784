"""Many submissions: in parallel, on a cluster, again."""
