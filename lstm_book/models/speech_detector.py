"""A network that others trained and that is in use: it tells speech from everything else."""

import hashlib
import importlib.util
import warnings
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from lstm_book.checks import check_shape, check_tensor

FRAME, CONTEXT = 512, 64  # samples of a frame, and of what came before it
STRIDES = (1, 2, 2, 1)
CHANNELS = (129, 128, 64, 64, 128)
_SHA256 = "e1122837f4154c511485fe0b9c64455f7b929c96fbb8d79fbdb336383ebd3720"


class SpeechDetector(nn.Module):
    """The network of silero-vad for 16 kHz, built of torch's own parts.

    A frame of 512 samples, 32 ms, becomes the magnitudes of four short spectra, four convolutions
    make 128 numbers of these, an LSTM of 128 units reads one such vector a frame, and a linear
    read-out of its outputs above zero says how probable speech is.

    Fresh, it has torch's first weights; `load_speech_detector` brings the trained ones.

    >>> detector = SpeechDetector()
    >>> detector(torch.zeros(3, 16_000)).shape
    torch.Size([31, 3])
    """

    spectrum: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("spectrum", torch.zeros(2 * CHANNELS[0], 1, 256))
        self.encoder = nn.Sequential(
            *(
                nn.Sequential(nn.Conv1d(low, high, 3, stride, padding=1), nn.ReLU())
                for low, high, stride in zip(CHANNELS, CHANNELS[1:], STRIDES, strict=False)
            )
        )
        self.layer = nn.LSTM(CHANNELS[-1], CHANNELS[-1])
        self.readout = nn.Linear(CHANNELS[-1], 1)

    def frames(self, audio: Tensor) -> Tensor:
        """Return what the LSTM reads: a vector for each whole frame.

        Args:
            audio: Samples at 16 kHz, within ±1, (B, S).

        Returns:
            The vectors, (T, B, 128), with T = S // 512.

        Raises:
            TypeError: If audio is no tensor.
            ValueError: If it has not two dimensions.
            RuntimeError: If there is no whole frame, or its dtype is not the network's.
        """
        B, S = check_shape("audio", audio, "B S", (None, None)).shape
        if S < FRAME:
            raise RuntimeError(f"expected at least one frame of {FRAME} samples, got {S}")
        if audio.dtype != self.readout.weight.dtype:
            wanted = self.readout.weight.dtype
            raise RuntimeError(f"expected audio of dtype {wanted}, got {audio.dtype}")
        whole = functional.pad(audio[:, : S - S % FRAME], (CONTEXT, 0))
        cut = whole.unfold(1, CONTEXT + FRAME, FRAME).transpose(0, 1)  # (T, B, 576)
        flat = cut.reshape(-1, 1, CONTEXT + FRAME)
        mirrored = functional.pad(flat, (0, 64), "reflect")
        waves = functional.conv1d(mirrored, self.spectrum, stride=128)
        real, imaginary = waves.chunk(2, dim=1)
        seen: Tensor = self.encoder((real.square() + imaginary.square()).sqrt())
        return seen[..., 0].view(S // FRAME, B, CHANNELS[-1])

    def answers(self, h: Tensor) -> Tensor:
        """Return the logit of speech for each output of the LSTM, (…, 128).

        Raises:
            TypeError: If h is no tensor.
            RuntimeError: If its last dimension is another.
        """
        if not check_tensor("h", h).dim() or h.shape[-1] != CHANNELS[-1]:
            raise RuntimeError(f"expected h of shape (…, {CHANNELS[-1]}), got {tuple(h.shape)}")
        logits: Tensor = self.readout(h.relu())
        return logits.squeeze(-1)

    def forward(self, audio: Tensor) -> Tensor:
        """Return the logit of speech in each frame, (T, B), from samples (B, S).

        Raises:
            TypeError: As `frames`.
            ValueError: As `frames`.
            RuntimeError: As `frames`.
        """
        return self.answers(self.layer(self.frames(audio))[0])


def original_speech_detector() -> Any:
    """Load the network as silero-vad ships it: ``original(frame, 16_000)`` keeps its own state.

    Raises:
        ImportError: If silero-vad is missing; it comes with ``pip install lstm-book[speech]``.
        RuntimeError: If the installed file is another than the book's.
    """
    spec = importlib.util.find_spec("silero_vad")
    if spec is None or not spec.submodule_search_locations:
        raise ImportError(
            "the speech detector needs silero-vad: pip install lstm-book[speech]",
            name="silero_vad",
        )
    file = Path(spec.submodule_search_locations[0]) / "data" / "silero_vad.jit"
    found = hashlib.sha256(file.read_bytes()).hexdigest() if file.exists() else "no such file"
    if found != _SHA256:
        raise RuntimeError(
            f"expected {file.name} of silero-vad 6.2.3 with sha256 {_SHA256}, got {found}: not the "
            "network that the book looks into"
        )
    with warnings.catch_warnings():
        # torch.jit is deprecated; there is no other file with these weights.
        warnings.filterwarnings("ignore", message=".*torch.jit", category=DeprecationWarning)
        load: Any = torch.jit.load
        return load(str(file), map_location="cpu")


@torch.no_grad()
def load_speech_detector() -> SpeechDetector:
    """Build the speech detector that silero-vad ships :cite:p:`silero2024`, for 16 kHz.

    The package is not imported, its file is read where it lies.

    Raises:
        ImportError: As `original_speech_detector`.
        RuntimeError: As `original_speech_detector`.
    """
    weights = original_speech_detector()._model.state_dict()
    detector = SpeechDetector()
    detector.spectrum.copy_(weights["stft.forward_basis_buffer"])
    for place, value in detector.encoder.named_parameters():
        number, _, name = place.split(".")
        value.copy_(weights[f"encoder.{number}.reparam_conv.{name}"])
    for name, value in detector.layer.named_parameters():
        value.copy_(weights[f"decoder.rnn.{name.removesuffix('_l0')}"])
    detector.readout.weight.copy_(weights["decoder.decoder.2.weight"].flatten(1))
    detector.readout.bias.copy_(weights["decoder.decoder.2.bias"])
    return detector.eval().requires_grad_(False)
