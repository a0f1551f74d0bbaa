from .action_labels import label_of, scores_of

__all__ = ['label_of', 'scores_of']
