"""Model packs: manifest, tokenizer, sessions of ONNX Runtime, encoder and ranker."""
