"""Plugins for editors, as files that ship in the package, and putting them where an editor finds them."""
