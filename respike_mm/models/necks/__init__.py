from .cross_attention_neck import CrossAttentionNeck

__all__ = ['CrossAttentionNeck']
