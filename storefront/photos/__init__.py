"""Photos of products: read from what sellers send, kept beside the product, and shown."""
