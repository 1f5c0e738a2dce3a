"""Text → vectors: finding a model, its prompts and identity, encoding without padding, caching."""
