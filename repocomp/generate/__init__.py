"""Generators: a task goes in as text, text comes out; by a pack on this machine, or by a server that the user names."""
