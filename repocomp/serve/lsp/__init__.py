"""The language server: JSON-RPC over standard streams, the editor's documents, and one thread that completes."""
