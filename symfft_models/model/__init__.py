"""The variational autoencoder: settings, parts, loss, and the files that hold one."""
