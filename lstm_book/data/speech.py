"""Speech that nobody said: vowels and hisses from a formula, with known beginnings and ends."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from lstm_book.checks import check_number, check_whole

RATE = 16_000  # samples a second
FRAME = 512  # samples a frame, 32 ms
LEVEL = 0.05  # root mean square of the audio while something sounds
_STEP = 80  # samples from one target of the mouth to the next, 5 ms
# The first three resonances of a man's mouth in Hz: i, e, a, o, u and the neutral vowel.
_VOWELS = torch.tensor(
    [
        [280, 2250, 2900],
        [450, 1950, 2550],
        [720, 1250, 2500],
        [480, 900, 2450],
        [320, 850, 2350],
        [500, 1500, 2500],
    ]
)
_WIDTHS = torch.tensor([70.0, 100.0, 140.0])  # of the resonances, in Hz
_HISSES = ((3800, 7500), (2000, 6000), (1200, 7000))  # of s, sh and f: from and to, in Hz


@dataclass(frozen=True, eq=False)
class Speech:
    """B clips of T frames of 32 ms, and when something is said in them.

    Attributes:
        audio: Samples at 16 kHz, (B, 512 T); while something sounds, their root mean square is
            0.05.
        phrase: Whether most of a frame lies within a phrase, (T,): the same in all clips.
        sound: Which share of a frame has a vowel or a hiss, (T, B): less than `phrase` says, as
            there are stops within phrases.
    """

    audio: Tensor
    phrase: Tensor
    sound: Tensor

    def with_noise(self, snr: float, *, generator: torch.Generator | None = None) -> Tensor:
        """Return the audio with white noise under all of it, pauses included.

        Args:
            snr: By how many decibels the speech, where it sounds, is above the noise.
            generator: Source of the noise.

        Raises:
            TypeError: If snr is no number.
            ValueError: If it is not from -100 to 100.
        """
        level = LEVEL * 10 ** (-check_number("snr", snr, -100, 100) / 20)
        return self.audio + level * torch.randn(self.audio.shape, generator=generator)


def synthetic_speech(
    clips: int,
    *,
    phrases: Sequence[tuple[float, float]] = ((1.5, 1.0), (1.0, 0.6), (2.0, 1.5)),
    generator: torch.Generator | None = None,
) -> Speech:
    """Make clips that sound like a babbling machine, each in a voice of its own.

    A voice is a pitch, a length of the mouth and a pace. It says syllables: mostly a hiss or a
    stop, then a vowel, which glides into another. A vowel is a sum of harmonics of the pitch, as
    loud as three resonances make them :cite:p:`klatt1980`; a hiss is a band of noise. Nothing here
    was recorded, and nothing means anything.

    Args:
        clips: How many, B.
        phrases: For each phrase its length and that of the pause after it, in seconds. A second
            of pause comes first.
        generator: Source of all draws.

    Returns:
        The clips, the last pause cut to whole frames.

    Raises:
        TypeError: If clips is no whole number, or phrases are no pairs of numbers.
        ValueError: If there is no clip or no phrase, or a length is not from 0.1 to 600 s.

    >>> speech = synthetic_speech(2, phrases=[(0.5, 0.5)], generator=torch.Generator())
    >>> speech.audio.shape, speech.phrase.shape, speech.sound.shape
    (torch.Size([2, 31744]), torch.Size([62]), torch.Size([62, 2]))
    """
    clips = check_whole("clips", clips, 1)
    spans, seconds = _spans(phrases)
    frames = int(seconds * RATE) // FRAME
    made = [_babble(spans, frames * FRAME, generator) for _ in range(clips)]
    audio, sounds = (torch.stack(parts) for parts in zip(*made, strict=True))
    power = (audio.square() * sounds).sum(1, keepdim=True) / sounds.sum(1, keepdim=True)
    middles = (torch.arange(frames) + 0.5) * FRAME / RATE
    phrase = torch.stack([(middles > begin) & (middles < end) for begin, end in spans]).any(0)
    sound = sounds.view(clips, frames, FRAME).mean(-1).T
    return Speech(LEVEL * audio / power.sqrt(), phrase, sound)


def _spans(phrases: Sequence[tuple[float, float]]) -> tuple[list[tuple[float, float]], float]:
    """Return where each phrase begins and ends, and the clip, in seconds."""
    try:
        pairs = [(said, pause) for said, pause in phrases]
    except (TypeError, ValueError):
        raise TypeError(
            f"expected phrases to be pairs of phrase and pause in seconds, got {phrases!r}"
        ) from None
    if not pairs:
        raise ValueError("expected at least one phrase, got none")
    spans, now = [], 1.0
    for said, pause in pairs:
        end = now + check_number("the length of a phrase", said, 0.1, 600)
        spans.append((now, end))
        now = end + check_number("the length of a pause", pause, 0.1, 600)
    return spans, now


def _babble(
    spans: Sequence[tuple[float, float]], samples: int, generator: torch.Generator | None
) -> tuple[Tensor, Tensor]:
    """Return one clip without noise, (S,), and 1 where a vowel or a hiss sounds, (S,)."""

    def draw(low: float, high: float) -> float:
        return low + (high - low) * float(torch.rand((), generator=generator))

    def pick(count: int) -> int:
        return int(torch.randint(count, (), generator=generator))

    pitch = 90 * 2.6 ** draw(0, 1)  # from 90 to 234 Hz
    mouth = 1.0 + 0.25 * math.log(pitch / 90) / math.log(2.6)  # a higher voice, a shorter mouth
    pace = draw(0.85, 1.25)
    steps = samples // _STEP + 1
    formants = _VOWELS[5].float().expand(steps, 3).clone()
    voice, hiss = torch.zeros(steps), torch.zeros(steps, len(_HISSES))
    tone = torch.full((steps,), pitch)
    for begin, end in spans:
        at, last = round(begin * RATE / _STEP), min(round(end * RATE / _STEP), steps)
        fall = torch.linspace(1.12, 0.85, last - at)  # a phrase ends lower than it begins
        tone[at:last] = pitch * fall
        while at < last:
            start = pick(4)  # a stop, a hiss twice as often, or nothing
            length = int(draw(8, 20) / pace)
            if start in (1, 2) and last - at > length:
                hiss[at : at + length, pick(len(_HISSES))] = draw(0.15, 0.5)
            if start < 3:
                at += min(length, last - at) if start else min(int(draw(6, 14)), last - at)
            vowel = min(int(draw(20, 44) / pace), last - at)
            glide = torch.linspace(0, 1, vowel)[:, None]
            one, other = _VOWELS[pick(len(_VOWELS))], _VOWELS[pick(len(_VOWELS))]
            formants[at : at + vowel] = (1 - glide) * one + glide * other
            voice[at : at + vowel] = draw(0.6, 1.0)
            at += vowel
    sounds = ((voice > 0) | (hiss.sum(1) > 0)).float().repeat_interleave(_STEP)[:samples]
    smooth = _smoothed(torch.column_stack([formants * mouth, voice, tone]), 9)
    clip = _vowels(smooth[:, :3], smooth[:, 3], smooth[:, 4], samples)
    for k, band in enumerate(_HISSES):
        noise = _band(torch.randn(samples, generator=generator), *band)
        clip += 0.4 * noise * _stretched(_smoothed(hiss[:, k : k + 1], 5)[:, 0], samples)
    return clip, sounds


def _vowels(formants: Tensor, loud: Tensor, tone: Tensor, samples: int) -> Tensor:
    """Add up the harmonics of a pitch, (S,); what shapes them has a value every 5 ms."""
    turns = torch.cumsum(_stretched(tone, samples).double() / RATE, 0)
    k = torch.arange(1, int(4500 / float(tone.max())))[:, None]  # above, next to nothing is left
    f = k * tone  # (K, steps)
    height = 1 / k  # what comes out of a throat gets weaker to the top
    for number, width in enumerate(_WIDTHS):
        centre = formants[:, number]
        height = height * centre**2 / ((f**2 - centre**2) ** 2 + (width * f) ** 2).sqrt()
    waves = torch.sin(k * (2 * math.pi * (turns % 1)).float())
    return (_stretched(height * loud, samples) * waves).sum(0)


def _band(noise: Tensor, low: float, high: float) -> Tensor:
    """Return what a noise, (S,), has between two frequencies, as loud as the noise was."""
    f = torch.fft.rfftfreq(len(noise), 1 / RATE)
    kept = torch.fft.rfft(noise) * ((f > low) & (f < high))
    inside = torch.fft.irfft(kept, len(noise))
    loud: Tensor = inside / inside.std()
    return loud


def _smoothed(tracks: Tensor, width: int) -> Tensor:
    """Return a moving average of so many steps of each track, (steps, tracks)."""
    padded = functional.pad(tracks.T[None], (width // 2, width // 2), mode="replicate")
    smooth: Tensor = functional.avg_pool1d(padded, width, stride=1)[0].T
    return smooth


def _stretched(track: Tensor, samples: int) -> Tensor:
    """Return a track, (…, steps), with a value at every sample, on straight lines between."""
    flat = track.reshape(1, -1, track.shape[-1])
    long = functional.interpolate(flat, samples, mode="linear", align_corners=True)
    return long.reshape(*track.shape[:-1], samples)
