import pytest
import torch

from respike_mm.models.common.spike_bits import pack_spikes, unpack_spikes


def test_by_hand():
    """The first spike of eight is the lowest bit."""
    spikes = torch.tensor([1., 0, 1, 1, 0, 0, 0, 1, 0, 1])
    bits = pack_spikes(spikes)
    assert bits.tolist() == [0b10001101, 0b00000010]
    assert unpack_spikes(bits, spikes.shape).tolist() == spikes.tolist()


def test_every_byte_survives():
    every = torch.arange(256, dtype=torch.uint8)
    spikes = unpack_spikes(every, torch.Size([256, 8]))
    assert spikes.tolist() == [[n >> k & 1 for k in range(8)]
                               for n in range(256)]
    assert torch.equal(pack_spikes(spikes), every)


@pytest.mark.parametrize('dtype', [torch.float64, torch.bfloat16])
@pytest.mark.parametrize('shape', [(), (3, ), (2, 3, 5, 7), (0, 4)], ids=str)
def test_any_shape(shape, dtype):
    torch.manual_seed(0)
    spikes = (torch.rand(shape) < 0.5).to(dtype)
    bits = pack_spikes(spikes)
    assert bits.nbytes == (spikes.numel() + 7) // 8
    assert torch.equal(unpack_spikes(bits, spikes.shape).to(dtype), spikes)
