"""What the three ``prepare_*.py`` scripts have in common."""
