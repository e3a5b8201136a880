"""The pure core against the contract: cases, the invariant, idempotence, conservation, outputs."""
