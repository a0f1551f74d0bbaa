from .key_residual_data_preprocessor import KeyResidualDataPreprocessor

__all__ = ['KeyResidualDataPreprocessor']
