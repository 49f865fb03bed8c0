"""Made-up speech: when it says something, how loud it is, and that it has a pitch and a mouth."""

import pytest
import torch

from lstm_book.data import Speech, synthetic_speech
from lstm_book.data.speech import FRAME, LEVEL, RATE, _vowels

PHRASES = [(0.9, 0.4), (0.5, 0.7)]


@pytest.fixture(scope="module")
def speech():
    return synthetic_speech(3, phrases=PHRASES, generator=torch.Generator().manual_seed(0))


def test_shapes_and_places_of_phrases(speech):
    T = int((1 + 0.9 + 0.4 + 0.5 + 0.7) * RATE) // FRAME
    assert speech.audio.shape == (3, T * FRAME)
    assert speech.phrase.shape == (T,)
    assert speech.sound.shape == (T, 3)
    middles = (torch.arange(T) + 0.5) * FRAME / RATE
    inside = ((middles > 1) & (middles < 1.9)) | ((middles > 2.3) & (middles < 2.8))
    assert torch.equal(speech.phrase, inside)


def test_it_is_silent_outside_phrases_and_sounds_in_most_of_them(speech):
    times = (torch.arange(speech.audio.shape[1]) + 0.5) / RATE
    far = (times < 0.9) | ((times > 2.0) & (times < 2.2)) | (times > 2.9)
    assert not speech.audio[:, far].any()
    assert not speech.sound[~speech.phrase & ~speech.phrase.roll(1) & ~speech.phrase.roll(-1)].any()
    assert speech.sound[speech.phrase].mean() > 0.5


def test_all_clips_are_as_loud_while_they_sound(speech):
    sounds = speech.sound.T.repeat_interleave(FRAME, dim=1)
    power = (speech.audio.square() * sounds).sum(1) / sounds.sum(1)
    assert torch.allclose(power.sqrt(), torch.full((3,), LEVEL), rtol=0.05)


def test_noise_has_the_level_that_is_asked_for(speech, generator):
    for snr in (20, 0):
        noise = speech.with_noise(snr, generator=generator) - speech.audio
        assert noise.std() == pytest.approx(LEVEL * 10 ** (-snr / 20), rel=0.02)


def test_a_seed_says_the_same_again_and_another_something_else(speech):
    again = synthetic_speech(3, phrases=PHRASES, generator=torch.Generator().manual_seed(0))
    assert torch.equal(again.audio, speech.audio)
    other = synthetic_speech(3, phrases=PHRASES, generator=torch.Generator().manual_seed(1))
    assert not torch.equal(other.audio, speech.audio)
    assert torch.equal(other.phrase, speech.phrase)


def test_a_vowel_has_its_pitch_and_its_resonances():
    steps, samples = 201, 16_000
    formants = torch.tensor([[700.0, 1200.0, 2500.0]]).expand(steps, 3)
    vowel = _vowels(formants, torch.ones(steps), torch.full((steps,), 100.0), samples)
    spectrum = torch.fft.rfft(vowel).abs()  # one bin is one hertz
    peaks = spectrum[100:4500:100]
    between = spectrum[150:4500:100]
    assert peaks.min() > 10 * between.max()
    loudest = 100 * (1 + peaks.argmax())
    assert loudest == 700
    assert peaks[11] > peaks[8]  # 1 200 Hz is above the valley at 900
    assert peaks[24] > peaks[18]  # 2 500 above 1 900


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"clips": 0}, ValueError, "expected clips to be a whole number from 1 on, got 0"),
        ({"clips": 1.5}, TypeError, "expected clips to be a whole number"),
        ({"clips": 1, "phrases": []}, ValueError, "expected at least one phrase, got none"),
        ({"clips": 1, "phrases": [1.0]}, TypeError, "expected phrases to be pairs"),
        ({"clips": 1, "phrases": [(1.0, 0.0)]}, ValueError, "the length of a pause"),
        ({"clips": 1, "phrases": [("a", 1.0)]}, TypeError, "the length of a phrase"),
    ],
)
def test_refused(arguments, error, words):
    with pytest.raises(error, match=words):
        synthetic_speech(**arguments)


def test_refused_noise():
    speech = Speech(torch.zeros(1, FRAME), torch.zeros(1), torch.zeros(1, 1))
    with pytest.raises(ValueError, match="expected snr to be a finite number"):
        speech.with_noise(float("nan"))
