"""Transforms of values on an asymmetric unit: exact structure factors, an orthonormal real vector, cosines."""
