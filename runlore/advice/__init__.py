"""Advice: patterns of behaviour, recommendations, maintenance, security events, causes."""
