"""Training a model pack: corpus, language model, encoder, ranker and export; the only room that knows PyTorch."""
