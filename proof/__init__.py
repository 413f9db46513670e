"""What proves the rest: real databases and processes to try it on, and the yardsticks it is measured against."""
