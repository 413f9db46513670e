"""Reviews: what people who got the goods think of them."""
