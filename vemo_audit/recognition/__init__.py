"""What do we see? Perception, network, recognizers, dynamics and training."""
