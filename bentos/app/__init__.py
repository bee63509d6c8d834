"""The application, put together from its routes, and its OpenAPI document."""
