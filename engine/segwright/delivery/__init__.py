"""The running system around bundles: orders taken, results accepted, messages delivered and accounted for. No compiler on
board."""
