"""Advice: what fails less or runs shorter, decisions, and what came of them."""
