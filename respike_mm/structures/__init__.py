from .action_labels import label_of, scores_of, set_scores

__all__ = ['label_of', 'scores_of', 'set_scores']
