import copy

import pytest

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402

from wetread.train.depthwise import _Quick, quicken  # noqa: E402
from wetread.train.encoder import FilmEncoder  # noqa: E402


def _convolution(size: int, stride: int, channels: int = 6) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(channels, channels, size, stride, padding=size // 2, groups=channels, bias=False)
    ).to(memory_format=torch.channels_last)


@pytest.mark.parametrize(("size", "stride"), [(5, 1), (3, 2), (5, 2)])
@pytest.mark.parametrize("shape", [(14, 14), (9, 13)])
def test_a_quick_convolution_has_the_values_and_gradients_of_the_slow_one(size, stride, shape):
    slow = _convolution(size, stride)
    quick = copy.deepcopy(slow)
    quicken(quick)
    assert isinstance(quick[0], _Quick)
    found = []
    for network in (slow, quick):
        x = torch.randn(2, 6, *shape, generator=torch.Generator().manual_seed(1)).requires_grad_()
        y = network(x)
        (y * torch.arange(y.numel()).view_as(y).cos()).sum().backward()
        found.append((y, x.grad, network[0].weight.grad))
    for a, b in zip(*found, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-4)


def test_what_is_fast_or_not_understood_is_left_alone():
    network = nn.Sequential(
        nn.Conv2d(4, 4, 3, padding=1, groups=4, bias=False),  # fast as it is
        nn.Conv2d(4, 8, 5, padding=2, groups=4, bias=False),  # two outputs a channel
        nn.Conv2d(4, 4, 5, padding=2, groups=4),  # with a bias
        nn.Conv2d(4, 4, 5, padding=4, dilation=2, groups=4, bias=False),
        nn.Conv2d(4, 4, 9, padding=4, groups=4, bias=False),  # more than four pieces
        nn.Conv2d(4, 4, 5, padding=2, bias=False),
    )
    before = list(network)
    quicken(network)
    assert all(a is b for a, b in zip(before, network, strict=True))


def test_an_encoder_keeps_its_weights_their_names_and_what_it_computes():
    torch.manual_seed(0)
    network = FilmEncoder(20).eval()
    quick = copy.deepcopy(network)
    quicken(quick)
    assert sum(isinstance(m, _Quick) for m in quick.modules()) == 11
    assert list(network.state_dict()) == list(quick.state_dict())
    x = torch.rand(1, 1, 64, 64)
    with torch.no_grad():
        for a, b in zip(network(x), quick(x), strict=True):
            torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-5)
