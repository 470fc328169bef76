"""Facts about programming languages: extensions, comments, grammars, keywords and imports."""
