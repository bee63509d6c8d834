"""Packages of agents: published with a signature, verified, installed, updated."""
