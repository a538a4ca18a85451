"""Tensors in, tensors out: encoders, temporal modules, fusion and heads."""
