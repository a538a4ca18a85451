"""May we look? Consents, grants, policy, masking, keys and the ledger of decisions."""
