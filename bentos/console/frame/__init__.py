"""What all pages of the console share: declaration, layout, login, static files."""
