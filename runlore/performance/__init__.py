"""Model performance: scores measured on outcomes, or estimated before they are known."""
