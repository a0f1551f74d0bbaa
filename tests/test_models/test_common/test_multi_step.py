import torch
from torch import nn

from respike_mm.models.common.multi_step import norm_per_step


def test_statistics_per_step_by_hand():
    """Each step is centred on its own mean; running mean moves twice."""
    norm = nn.BatchNorm2d(1, eps=1e-12, momentum=0.5)
    # [S=2, N=2, 1, 1, 1]: means 1 and 10, deviations 1 and 2.
    x = torch.tensor([0., 2., 8., 12.]).view(2, 2, 1, 1, 1)
    out = norm_per_step(x, norm)
    torch.testing.assert_close(out.flatten(), torch.tensor([-1., 1., -1., 1.]))
    # 0 -> 0.5 -> 0.5 * 0.5 + 0.5 * 10
    assert norm.running_mean.item() == 5.25
    assert norm.num_batches_tracked == 2


def test_evaluation_uses_running_statistics():
    norm = nn.BatchNorm2d(2).eval()
    norm.running_mean.copy_(torch.tensor([1., -1.]))
    x = torch.randn(3, 2, 2, 4, 4)
    expected = torch.stack([norm(step) for step in x])
    torch.testing.assert_close(norm_per_step(x, norm), expected)


def test_channels_last_survives():
    x = torch.randn(6, 4, 5, 5).to(memory_format=torch.channels_last)
    out = norm_per_step(x.unflatten(0, (3, 2)), nn.BatchNorm2d(4))
    assert out.flatten(0, 1).is_contiguous(memory_format=torch.channels_last)
