from .numbered_sampler import Draw, NumberedSampler, SeededItems

__all__ = ['Draw', 'NumberedSampler', 'SeededItems']
