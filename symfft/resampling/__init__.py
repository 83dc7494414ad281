"""Band-limited resampling: other grids, other cells, the standard setting."""
