"""What one running app may ask for."""
