"""Engines of the exact transform in torch's own operations, for tensors on any device."""
