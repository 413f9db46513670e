"""Servicers: translate, and nothing else."""
