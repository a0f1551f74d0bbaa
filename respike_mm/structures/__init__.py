from .action_labels import (label_of, labels_of, scores_of, set_scores,
                            video_scores)

__all__ = ['label_of', 'labels_of', 'scores_of', 'set_scores', 'video_scores']
