"""TransformerClassifier against attention done by hand, and what a causal reader may depend on."""

import math

import pytest
import torch
from support import normal
from torch.nn import functional

from lstm_book.models import TransformerClassifier, transformer

T, B, D, WIDTH, HEADS = 7, 3, 2, 8, 2


def small(**settings):
    torch.manual_seed(0)
    model = TransformerClassifier(D, **{"width": WIDTH, "heads": HEADS, **settings})
    return model.double().eval()


def encoded(model, x):
    """Return what the encoder hands to the read-out, every step of it, (T, B, width)."""
    seen = []
    handle = model.encoder.register_forward_hook(lambda *call: seen.append(call[2]))
    model(x)
    handle.remove()
    return seen[0]


def by_hand(model, x):
    """Pre-norm attention blocks as the papers write them, one head at a time."""
    steps = len(x)
    places = transformer.places(steps, model.width).to(x)
    z = functional.linear(x, model.embed.weight, model.embed.bias) + places[:, None]
    for layer in model.encoder.layers:
        attention, size = layer.self_attn, model.width // HEADS
        y = functional.layer_norm(z, (model.width,), layer.norm1.weight, layer.norm1.bias)
        q, k, v = functional.linear(y, attention.in_proj_weight, attention.in_proj_bias).chunk(3, 2)
        heads = []
        for start in range(0, model.width, size):
            part = slice(start, start + size)
            scores = torch.einsum("tbn,sbn->bts", q[..., part], k[..., part]) / math.sqrt(size)
            weights = torch.zeros_like(scores)
            for t in range(steps):
                weights[:, t, : t + 1] = scores[:, t, : t + 1].softmax(-1)
            heads.append(torch.einsum("bts,sbn->tbn", weights, v[..., part]))
        z = z + attention.out_proj(torch.cat(heads, dim=-1))
        y = functional.layer_norm(z, (model.width,), layer.norm2.weight, layer.norm2.bias)
        z = z + layer.linear2(layer.linear1(y).relu())
    norm = model.encoder.norm
    last = functional.layer_norm(z, (model.width,), norm.weight, norm.bias)[-1]
    return last @ model.readout.weight[0] + model.readout.bias[0]


@pytest.mark.parametrize("num_layers", [1, 3])
def test_logits_and_gradients_against_attention_by_hand(num_layers, generator):
    model = small(num_layers=num_layers)
    x = normal(T, B, D, generator=generator).requires_grad_()
    logits, want = model(x), by_hand(model, x)
    torch.testing.assert_close(logits, want, rtol=1e-10, atol=1e-12)
    (found,) = torch.autograd.grad(logits.sum(), x)
    (expected,) = torch.autograd.grad(want.sum(), x)
    torch.testing.assert_close(found, expected, rtol=1e-8, atol=1e-10)


def test_no_step_depends_on_what_comes_later(generator):
    model = small()
    x = normal(T, B, D, generator=generator)
    whole = encoded(model, x)
    for t in range(1, T):
        other = torch.cat([x[:t], normal(T - t, B, D, generator=generator)])
        torch.testing.assert_close(encoded(model, other)[:t], whole[:t], rtol=0, atol=1e-12)
        # Sequences can be read as they arrive: the answer of a part is the answer on the way.
        on_the_way = model.readout(whole[t - 1]).squeeze(-1)
        torch.testing.assert_close(model(x[:t]), on_the_way, rtol=0, atol=1e-12)


def test_the_answer_depends_on_every_step(generator):
    model = small()
    x = normal(T, B, D, generator=generator).requires_grad_()
    model(x).sum().backward()
    assert (x.grad.abs().amax(-1) > 1e-6).all()


def test_only_the_places_tell_one_layer_the_order(monkeypatch, generator):
    model = small(num_layers=1)
    x = normal(T, B, D, generator=generator)
    other = torch.cat([x[:-1].flip(0), x[-1:]])
    assert ((model(x) - model(other)).abs() > 1e-4).all()
    monkeypatch.setattr(transformer, "places", lambda steps, width: torch.zeros(steps, width))
    torch.testing.assert_close(model(x), model(other), rtol=0, atol=1e-12)


def test_places_are_sines_and_cosines_of_falling_frequency():
    places = transformer.places(50, WIDTH)
    for t in range(50):
        for k in range(0, WIDTH, 2):
            angle = t / 10_000 ** (k / WIDTH)
            pair = places[t, k : k + 2].tolist()
            assert pair == pytest.approx([math.sin(angle), math.cos(angle)], abs=1e-5)


def test_places_know_distances_and_tell_a_thousand_steps_apart():
    places = transformer.places(1000, 64).double()
    assert places.shape == (1000, 64)
    torch.testing.assert_close(places.square().sum(-1), torch.full((1000,), 32.0).double())
    products = places @ places.T
    for lag in (1, 30, 999):
        diagonal = products.diagonal(lag)
        torch.testing.assert_close(diagonal, diagonal[:1].expand_as(diagonal), rtol=0, atol=1e-2)
    apart = torch.cdist(places, places) + 10 * torch.eye(1000)
    assert apart.min() > 0.5


@pytest.mark.parametrize("shape", [(1, 1), (1, 4), (300, 1), (50, 4)])
def test_any_length_and_batch_gives_one_logit_a_sequence(shape):
    logits = small()(torch.zeros(*shape, D).double())
    assert logits.shape == shape[1:]
    assert logits.isfinite().all()


def test_dropout_is_for_training_only(generator):
    model = small(dropout=0.5)
    x = normal(T, B, D, generator=generator)
    assert torch.equal(model(x), model(x))
    model.train()
    assert not torch.equal(model(x), model(x))


def test_parameters_are_counted_by_hand():
    width, layers = 64, 2
    block = 4 * width * (width + 1) + 4 * width * (width + 1) + width * (4 * width + 1) + 4 * width
    whole = (10 + 1) * width + layers * block + 2 * width + width + 1
    model = TransformerClassifier(10, width, num_layers=layers)
    assert sum(parameter.numel() for parameter in model.parameters()) == whole


@pytest.mark.parametrize(("width", "heads"), [(7, 1), (9, 3), (6, 4)])
def test_a_width_that_does_not_fit(width, heads):
    with pytest.raises(ValueError, match=rf"even width, a multiple of {heads} heads, got {width}"):
        TransformerClassifier(D, width, heads)


@pytest.mark.parametrize("shape", [(T, D), (D,), (1, T, B, D)])
def test_input_must_be_a_batch_of_sequences(shape):
    with pytest.raises(ValueError, match=r"expected x .*3-D, got .-D") as error:
        small()(torch.zeros(shape))
    assert str(shape) in str(error.value)


def test_features_must_be_the_models():
    with pytest.raises(RuntimeError, match=rf"\(T, B, D={D}\), got \({T}, {B}, {D + 1}\)"):
        small()(torch.zeros(T, B, D + 1))
