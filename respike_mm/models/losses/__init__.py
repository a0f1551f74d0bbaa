from .tet_loss import TETLoss

__all__ = ['TETLoss']
