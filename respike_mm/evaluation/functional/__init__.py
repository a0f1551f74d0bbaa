from .accuracy import (average_clips, label_ranks, mean_class_accuracy,
                       top_k_accuracy)

__all__ = [
    'average_clips', 'label_ranks', 'mean_class_accuracy', 'top_k_accuracy'
]
