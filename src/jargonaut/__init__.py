"""jargonaut teaches an embedding model the jargon of one domain, proves that it helps, and ships it safely."""
