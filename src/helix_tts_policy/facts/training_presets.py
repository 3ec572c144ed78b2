"""What a preset of a training stands for: every figure that a configuration may leave out, and the sizes of the two networks.

`smoke` proves on a CPU, in minutes, that the lane works; what it trains speaks no word. `standard` is a training for a GPU
with the sizes that the models were published with.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping

StageName: TypeAlias = Literal["fastpitch", "hifigan"]
PresetName: TypeAlias = Literal["smoke", "standard"]
Precision: TypeAlias = Literal["32-true", "16-mixed", "bf16-mixed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class StageDefaults:
    """What holds for a stage where the configuration is silent.

    Attributes:
        steps: optimiser steps of the whole stage.
        batch_size: utterances (FastPitch) or audio segments (HiFi-GAN) of one step on one device.
        learning_rate: of the optimiser at its height.
        validate_every: steps between two looks at the validation set; 0 for none.
        checkpoint_every: steps between two checkpoints; 0 for none but the last.
        precision: Lightning's name of it.
    """

    steps: int
    batch_size: int
    learning_rate: float
    validate_every: int
    checkpoint_every: int
    precision: Precision


@dataclass(frozen=True, slots=True, kw_only=True)
class FastPitchSize:
    """The size of a FastPitch; the encoder's is the decoder's too.

    Attributes:
        layers: transformer layers of each.
        width: of a symbol's embedding and of every layer.
        heads: of attention.
        head_width: of one head.
        inner_width: of the convolution inside of a layer.
        predictor_width: of the predictors of duration and pitch.
        dropout: in all of them.
    """

    layers: int
    width: int
    heads: int
    head_width: int
    inner_width: int
    predictor_width: int
    dropout: float


@dataclass(frozen=True, slots=True, kw_only=True)
class HifiGanSize:
    """The size of a HiFi-GAN.

    Attributes:
        debug: whether the discriminators are NeMo's small ones.
        resblock: kind of the residual blocks, 1 or 2.
        upsample_rates: their product is the hop of 256 samples.
        upsample_kernels: one for each rate.
        initial_channels: before the first of them.
        resblock_kernels: of the residual blocks.
        resblock_dilations: one list for each of these kernels.
        segment: samples of audio in one item of a batch.
    """

    debug: bool
    resblock: int
    upsample_rates: tuple[int, ...]
    upsample_kernels: tuple[int, ...]
    initial_channels: int
    resblock_kernels: tuple[int, ...]
    resblock_dilations: tuple[tuple[int, ...], ...]
    segment: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    """One column of the table."""

    stages: Mapping[StageName, StageDefaults]
    fastpitch: FastPitchSize
    hifigan: HifiGanSize


PRESETS: Final[Mapping[PresetName, Preset]] = MappingProxyType(
    {
        "smoke": Preset(
            stages=MappingProxyType(
                {
                    "fastpitch": StageDefaults(
                        steps=20,
                        batch_size=4,
                        learning_rate=1e-3,
                        validate_every=10,
                        checkpoint_every=5,
                        precision="32-true",
                    ),
                    "hifigan": StageDefaults(
                        steps=20,
                        batch_size=2,
                        learning_rate=2e-4,
                        validate_every=10,
                        checkpoint_every=5,
                        precision="32-true",
                    ),
                }
            ),
            fastpitch=FastPitchSize(
                layers=2, width=64, heads=1, head_width=64, inner_width=128, predictor_width=64, dropout=0.1
            ),
            hifigan=HifiGanSize(
                debug=True,
                resblock=2,
                upsample_rates=(8, 8, 4),
                upsample_kernels=(16, 16, 8),
                initial_channels=32,
                resblock_kernels=(3,),
                resblock_dilations=((1, 2),),
                segment=8192,
            ),
        ),
        "standard": Preset(
            stages=MappingProxyType(
                {
                    "fastpitch": StageDefaults(
                        steps=100_000,
                        batch_size=32,
                        learning_rate=1e-3,
                        validate_every=1000,
                        checkpoint_every=1000,
                        precision="16-mixed",
                    ),
                    "hifigan": StageDefaults(
                        steps=500_000,
                        batch_size=16,
                        learning_rate=2e-4,
                        validate_every=1000,
                        checkpoint_every=1000,
                        precision="32-true",
                    ),
                }
            ),
            fastpitch=FastPitchSize(
                layers=6, width=384, heads=1, head_width=64, inner_width=1536, predictor_width=256, dropout=0.1
            ),
            hifigan=HifiGanSize(
                debug=False,
                resblock=1,
                upsample_rates=(8, 8, 2, 2),
                upsample_kernels=(16, 16, 4, 4),
                initial_channels=512,
                resblock_kernels=(3, 7, 11),
                resblock_dilations=((1, 3, 5), (1, 3, 5), (1, 3, 5)),
                segment=8192,
            ),
        ),
    }
)
"""What each preset stands for. `standard` has the sizes of the papers: FastPitch (Łańcucki 2021) and HiFi-GAN V1 (Kong 2020)."""
