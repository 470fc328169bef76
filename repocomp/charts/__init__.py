"""Drawings as SVG and HTML text, of plain values."""
