"""Models on their way out: what other libraries read, a patch, and the hub."""
