"""Formation energy, bulk modulus, and gap or metal of crystals, from several descriptions of them."""
