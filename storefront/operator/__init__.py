"""Behind the counter: what staff see of links, queues and orders, and what they can do about them."""
