"""An append-only Merkle log of decisions that third parties can check later, offline."""
