"""The speech detector: against the network as its package ships it, and without that package."""

import importlib.util

import pytest
import torch
from torch.nn import functional

from lstm_book.data import synthetic_speech
from lstm_book.layers import LSTM
from lstm_book.models import (
    SpeechDetector,
    load_speech_detector,
    original_speech_detector,
    speech_detector,
)

needs_silero = pytest.mark.skipif(
    not importlib.util.find_spec("silero_vad"), reason="extra: speech"
)


@pytest.fixture(scope="module")
def audio():
    generator = torch.Generator().manual_seed(0)
    speech = synthetic_speech(2, phrases=[(0.6, 0.4)], generator=generator)
    return speech.with_noise(15, generator=generator)


@needs_silero
@torch.no_grad()
def test_probabilities_against_the_package(audio):
    ours = load_speech_detector()(audio).sigmoid()
    original = original_speech_detector()
    for clip in range(len(audio)):
        original.reset_states()
        frames = audio[clip : clip + 1].split(512, dim=1)
        theirs = torch.cat([original(frame, 16_000)[0] for frame in frames])
        assert (ours[:, clip] - theirs).abs().max() < 1e-4
    assert ours.max() > 0.9
    assert ours[:20].max() < 0.5


@needs_silero
def test_the_lstm_of_the_book_in_its_place(audio):
    detector = load_speech_detector()
    x = detector.frames(audio)
    own = LSTM(128, 128)
    own.load_state_dict(detector.layer.state_dict())
    assert torch.allclose(own(x)[0], detector.layer(x)[0], atol=1e-5)


@needs_silero
def test_it_is_loaded_to_be_looked_at():
    detector = load_speech_detector()
    assert not detector.training
    assert not any(p.requires_grad for p in detector.parameters())


def test_frames_do_not_look_ahead_and_not_far_back(audio):
    torch.manual_seed(0)
    detector = SpeechDetector()
    torch.nn.init.normal_(detector.spectrum)
    x = detector.frames(audio)
    assert x.shape == (audio.shape[1] // 512, 2, 128)
    changed = audio.clone()
    changed[:, 5 * 512 :] = 0
    assert torch.equal(detector.frames(changed)[:5], x[:5])
    changed = audio.clone()
    changed[:, : 5 * 512 - 64] = 0  # frame 5 begins 64 samples before its own
    assert torch.equal(detector.frames(changed)[5:], x[5:])


def test_what_is_over_is_left_out(audio):
    detector = SpeechDetector()
    cut = audio[:, : 3 * 512 + 100]
    assert torch.equal(detector(cut), detector(cut[:, : 3 * 512]))


def test_answers_read_what_is_above_zero():
    detector, h = SpeechDetector(), torch.randn(4, 3, 128)
    wanted = functional.linear(h.clamp(min=0), detector.readout.weight, detector.readout.bias)
    assert torch.equal(detector.answers(h), wanted[..., 0])


@pytest.mark.parametrize(
    ("audio", "error", "words"),
    [
        ([0.0], TypeError, "expected audio to be a torch.Tensor"),
        (torch.zeros(600), ValueError, "expected audio of shape"),
        (torch.zeros(1, 511), RuntimeError, "at least one frame of 512 samples, got 511"),
        (torch.zeros(1, 512).double(), RuntimeError, "expected audio of dtype torch.float32"),
    ],
)
def test_refused(audio, error, words):
    with pytest.raises(error, match=words):
        SpeechDetector()(audio)


def test_answers_refused():
    with pytest.raises(RuntimeError, match=r"expected h of shape \(…, 128\), got \(2, 3\)"):
        SpeechDetector().answers(torch.zeros(2, 3))


@pytest.mark.parametrize("load", [load_speech_detector, original_speech_detector])
def test_without_the_package_the_error_says_what_to_install(load, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ImportError, match=r"pip install lstm-book\[speech\]") as error:
        load()
    assert error.value.name == "silero_vad"


def test_another_file_is_refused(tmp_path, monkeypatch):
    class Found:
        submodule_search_locations = (str(tmp_path),)

    monkeypatch.setattr(importlib.util, "find_spec", lambda name: Found)
    with pytest.raises(RuntimeError, match=r"silero_vad\.jit of silero-vad 6.* got no such"):
        load_speech_detector()
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "silero_vad.jit").write_bytes(b"another")
    with pytest.raises(RuntimeError, match=f"with sha256 {speech_detector._SHA256}, got "):
        load_speech_detector()
