"""How fast is it, against what, and what bounds it? One module for each promise of the README."""
