"""Good clips, damaged copies of them, and decoding under supervision."""
