"""The Triton kernels against the neuron's reference, without a GPU.

Triton's interpreter runs the kernels on CPU tensors; its compiler takes them
down to machine code for GPUs that are not there.
"""
import pytest
import torch
from spikingjelly.activation_based import surrogate as surrogates

from respike_mm.models.common import lif_functional as reference
from respike_mm.models.common.lif import LIFNeuron
from respike_mm.models.common.lif_functional import LIFParameters

triton = pytest.importorskip('triton', reason='this PyTorch has no Triton')
from triton.backends.compiler import GPUTarget  # noqa: E402
from triton.compiler import ASTSource  # noqa: E402
from triton.runtime.interpreter import InterpretedFunction  # noqa: E402

from respike_mm.models.common import lif_triton  # noqa: E402

KERNELS = ('_charge', '_spikes_kernel', '_gradient_kernel')
AUTHORS = LIFParameters(0.25, 0.75, 1.)
MS_RESNET = LIFParameters(0.25, 1., 0.5)


@pytest.fixture
def interpreted(monkeypatch):
    """Run the kernels in the interpreter."""
    for name in KERNELS:
        kernel = getattr(lif_triton, name)
        monkeypatch.setattr(lif_triton, name, InterpretedFunction(kernel.fn))


def test_spikes_by_hand(interpreted):
    # V <- 0.25 V + 0.75 X; the third step fires and resets.
    x = torch.tensor([[1.], [1.], [2.], [1.2]])
    assert lif_triton.spikes(x, AUTHORS).flatten().tolist() == [0, 0, 1, 0]


@pytest.mark.parametrize('params, surrogate', [
    (AUTHORS, surrogates.ATan()),
    (AUTHORS, surrogates.ATan(alpha=3.)),
    (MS_RESNET, surrogates.Rect(alpha=1.)),
    (MS_RESNET, surrogates.Rect(alpha=0.4)),
])
@pytest.mark.parametrize('shape', [(1, 7), (3, 2, 5, 60), (15, 1, 3, 2, 2)])
def test_equals_the_reference(interpreted, params, surrogate, shape):
    generator = torch.Generator().manual_seed(0)
    # More than one block of neurons, and a last one that is not full.
    x = torch.randn(shape, generator=generator, dtype=torch.float64) * 2
    grad = torch.randn(shape, generator=generator, dtype=torch.float64)
    spikes = lif_triton.spikes(x, params)
    assert 0 < spikes.mean() < 1
    assert torch.equal(spikes, reference.lif_spikes(x, params))
    torch.testing.assert_close(
        lif_triton.input_gradient(x, grad, params, surrogate),
        reference.input_gradient(x, grad, params, surrogate),
        rtol=1e-12, atol=1e-13)


def test_memory_layouts(interpreted):
    """Channels last, time not outermost, a gradient laid out otherwise."""
    x = torch.randn(4, 2, 3, 5, 6) * 2
    last = x.flatten(0, 1).contiguous(memory_format=torch.channels_last)
    last = last.unflatten(0, (4, 2))
    inner = x.transpose(0, 1).contiguous().transpose(0, 1)
    grad, surrogate = torch.randn_like(x), surrogates.ATan()
    spikes = reference.lif_spikes(x, AUTHORS)
    expected = reference.input_gradient(x, grad, AUTHORS, surrogate)
    for laid_out in (last, inner, x[:, :1].expand(4, 2, 3, 5, 6)):
        if laid_out.stride(1) == 0:
            spikes = reference.lif_spikes(laid_out, AUTHORS)
            expected = reference.input_gradient(laid_out, grad, AUTHORS,
                                                surrogate)
        assert torch.equal(lif_triton.spikes(laid_out, AUTHORS), spikes)
        torch.testing.assert_close(
            lif_triton.input_gradient(laid_out, grad, AUTHORS, surrogate),
            expected)
    assert lif_triton.spikes(last, AUTHORS).stride() == last.stride()


def test_narrow_inputs_charge_a_wide_membrane(interpreted):
    """In bfloat16 the membrane would stop short of the threshold here."""
    x = torch.full((8, 3), 1.328125, dtype=torch.bfloat16)
    params = LIFParameters(0.25, 0.75, 1.328)
    spikes = lif_triton.spikes(x, params)
    assert spikes.dtype == torch.bfloat16
    assert torch.equal(spikes, reference.lif_spikes(x, params))
    assert spikes.any() and not spikes[0].any()
    arguments = x, torch.ones_like(x), params, surrogates.ATan()
    torch.testing.assert_close(
        lif_triton.input_gradient(*arguments),
        reference.input_gradient(*arguments), rtol=1e-2, atol=1e-3)


def test_empty_batch(interpreted):
    x = torch.empty(3, 0, 4)
    assert lif_triton.spikes(x, AUTHORS).shape == x.shape


@pytest.mark.parametrize('capability', [80, 90])
@pytest.mark.parametrize('dtype', ['bf16', 'fp16', 'fp32', 'fp64'])
def test_compiles_to_machine_code(dtype, capability, tmp_path, monkeypatch):
    monkeypatch.setenv('TRITON_CACHE_DIR', str(tmp_path))
    wide = triton.language.float64 if dtype == 'fp64' else \
        triton.language.float32
    constants = dict(S=15, DECAY=0.25, GAIN=0.75, THRESHOLD=1., WIDE=wide,
                     BLOCK=lif_triton._BLOCK)
    backward = dict(SURROGATE=lif_triton.ATAN, ALPHA=2., SLOPE=3.14)
    for name, more in (('_spikes_kernel', {}), ('_gradient_kernel', backward)):
        kernel = getattr(lif_triton, name)
        constexprs = {**constants, **more}
        signature = {
            arg: 'constexpr' if arg in constexprs else
            'i32' if arg == 'n' else f'*{dtype}'
            for arg in kernel.arg_names
        }
        compiled = triton.compile(
            ASTSource(kernel, signature=signature, constexprs=constexprs),
            target=GPUTarget('cuda', capability, 32))
        assert compiled.asm['cubin']
        # A membrane that does not fit into registers would go to memory.
        assert 'st.local' not in compiled.asm['ptx']


def objection(num_steps=3, surrogate=surrogates.ATan, dtype=torch.float32):
    return lif_triton.objection(torch.device('cpu'), dtype, num_steps,
                                surrogate)


@pytest.mark.parametrize('dtype', [torch.float64, torch.float32,
                                   torch.bfloat16, torch.float16])
@pytest.mark.parametrize('num_steps', [1, 15, 32])
@pytest.mark.parametrize('surrogate', lif_triton.SURROGATES)
def test_no_objection(interpreted, num_steps, surrogate, dtype):
    assert objection(num_steps, surrogate, dtype) == ''


def test_objections(interpreted, monkeypatch):
    assert 'Sigmoid' in objection(surrogate=surrogates.Sigmoid)
    assert '33' in objection(33)
    spikes, gradient = lif_triton.spikes, lif_triton.input_gradient

    def wrong_in_places(x, params):
        """After the tenth step, and in half precision."""
        out = spikes(x, params)
        out[0 if x.dtype == torch.float16 else 10:] = 0
        return out

    with monkeypatch.context() as patch:
        patch.setattr(lif_triton, 'spikes', wrong_in_places)
        assert not objection(10)
        assert 'spikes' in objection(12)
        assert 'spikes' in objection(dtype=torch.float16)
    monkeypatch.setattr(lif_triton, 'input_gradient',
                        lambda *args: 1.001 * gradient(*args))
    assert 'gradients' in objection()


def test_a_failing_kernel_is_an_objection(monkeypatch):
    def fails(*args, **kwargs):
        raise RuntimeError('no driver')

    monkeypatch.setattr(lif_triton, '_launch', fails)
    assert objection() == 'RuntimeError: no driver'


@pytest.mark.skipif(not torch.cuda.is_available(), reason='needs a GPU')
@pytest.mark.parametrize('dtype', [torch.float32, torch.bfloat16])
def test_neuron_on_a_gpu(dtype):
    x = (torch.randn(7, 2, 64, 56, 56, device='cuda') * 2).to(dtype)
    results = []
    for backend in ('auto', 'torch'):
        neuron = LIFNeuron(backend=backend)
        inputs = x.clone().requires_grad_()
        out = neuron(inputs)
        out.backward(x)
        results.append((out, inputs.grad))
    (spikes, grad), (expected, expected_grad) = results
    # A spike on the threshold may hang on the last bit.
    same = spikes == expected
    assert same.float().mean() > 1 - 1e-5
    neurons = same.all(0)
    torch.testing.assert_close(grad[:, neurons], expected_grad[:, neurons],
                               rtol=1e-2, atol=1e-3)
