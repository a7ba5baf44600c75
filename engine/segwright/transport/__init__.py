"""Messages over the network: MLLP frames, connections out and in, TLS. What they mean is decided by whoever calls."""
