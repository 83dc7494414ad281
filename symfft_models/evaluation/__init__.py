"""How good a model is: on densities that it has not seen, beside rivals, and in what it generates."""
