"""Inputs that give the outcome away: pure statistics over the training part."""
