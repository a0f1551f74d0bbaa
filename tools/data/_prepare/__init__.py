"""What the three ``prepare_*.py`` scripts have in common."""
try:
    import av  # noqa: F401
except ImportError as error:
    raise ImportError('preparing data needs the package av: '
                      'pip install "respike_mm[pyav]"') from error
