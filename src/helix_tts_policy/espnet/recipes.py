"""The configurations of the two models, in the names of ESPnet's own entry point.

Sizes of the preset ``standard`` are those of ESPnet's recipes for LJSpeech; ``smoke`` has the same parts, small enough for
a CPU. Both models hear windows of 1024 samples, 256 apart.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from helix_tts_policy.facts.espnet_config import ModelName
    from helix_tts_policy.facts.training_presets import PresetName

HOP: Final = 256
WINDOW: Final = 1024

SEGMENT_FRAMES: Final = 32
"""Frames of the piece of a recording that VITS learns from at a time; a recording has to be longer."""

_COMMON: Final[Mapping[str, Any]] = {
    "token_type": "char",
    "resume": True,
    "batch_type": "sorted",  # Tacotron2 takes the texts of a batch by length only
    "valid_batch_size": 1,
    "keep_nbest_models": 1,
    "best_model_criterion": [["train", "loss", "min"]],
    "use_tensorboard": False,
    "use_matplotlib": False,
    "use_wandb": False,
    "num_att_plot": 0,
    "log_interval": 100,
    "max_cache_size": 0.0,
}

_TACOTRON2: Final[Mapping[PresetName, Mapping[str, Any]]] = {
    "smoke": {
        "embed_dim": 64,
        "eunits": 64,
        "econv_layers": 1,
        "econv_chans": 64,
        "adim": 32,
        "aconv_chans": 16,
        "dunits": 128,
        "prenet_units": 64,
        "postnet_layers": 3,
        "postnet_chans": 64,
        "reduction_factor": 5,
    },
    "standard": {"reduction_factor": 1},
}

_GENERATOR: Final[Mapping[PresetName, Mapping[str, Any]]] = {
    "smoke": {
        "hidden_channels": 32,
        "text_encoder_ffn_expand": 2,
        "text_encoder_blocks": 2,
        "decoder_channels": 32,
        "decoder_resblock_kernel_sizes": [3],
        "decoder_resblock_dilations": [[1, 3]],
        "posterior_encoder_layers": 2,
        "flow_flows": 2,
        "flow_layers": 2,
        "stochastic_duration_predictor_flows": 2,
        "stochastic_duration_predictor_dds_conv_layers": 2,
    },
    "standard": {"hidden_channels": 192, "text_encoder_ffn_expand": 4, "text_encoder_blocks": 6},
}

_CRITIC: Final[Mapping[str, Any]] = {
    "in_channels": 1,
    "out_channels": 1,
    "bias": True,
    "nonlinear_activation": "LeakyReLU",
    "nonlinear_activation_params": {"negative_slope": 0.1},
    "use_weight_norm": True,
}

_DISCRIMINATOR: Final[Mapping[PresetName, Mapping[str, Any]]] = {
    "smoke": {
        "scales": 1,
        "scale_discriminator_params": {
            **_CRITIC,
            "kernel_sizes": [15, 41, 5, 3],
            "channels": 16,
            "max_downsample_channels": 32,
            "max_groups": 4,
            "downsample_scales": [4, 4, 1],
        },
        "follow_official_norm": False,
        "periods": [2, 3],
        "period_discriminator_params": {
            **_CRITIC,
            "kernel_sizes": [5, 3],
            "channels": 8,
            "downsample_scales": [3, 3, 1],
            "max_downsample_channels": 32,
        },
    },
    "standard": {},  # what ESPnet takes when nothing is said is its own recipe
}


def recipe(model: ModelName, preset: PresetName, *, sample_rate: int, learning_rate: float) -> dict[str, Any]:
    """What ESPnet's entry point is told of the model and its optimisers."""
    made = _tacotron2(preset, sample_rate) if model == "tacotron2" else _vits(preset, sample_rate)
    for optimizer in ("optim_conf", "optim2_conf"):
        if optimizer in made:
            made[optimizer] = {**made[optimizer], "lr": learning_rate}
    return {**_COMMON, "tts": model, **made}


def _tacotron2(preset: PresetName, sample_rate: int) -> dict[str, Any]:
    return {
        "tts_conf": {
            **_TACOTRON2[preset],
            "use_guided_attn_loss": True,
            "bce_pos_weight": 5.0,
        },
        "feats_extract": "fbank",
        "feats_extract_conf": {
            "fs": sample_rate,
            "n_fft": WINDOW,
            "hop_length": HOP,
            "win_length": WINDOW,
            "n_mels": 80,
            "fmin": 80,
            "fmax": min(7600, sample_rate // 2),
        },
        "optim": "adam",
        "optim_conf": {"eps": 1e-6, "weight_decay": 0.0},
        "grad_clip": 1.0,
    }


def _vits(preset: PresetName, sample_rate: int) -> dict[str, Any]:
    generator = {
        **_GENERATOR[preset],
        "spks": -1,
        "global_channels": -1,
        "segment_size": SEGMENT_FRAMES,
        "text_encoder_attention_heads": 2,
        "text_encoder_positionwise_conv_kernel_size": 3,
        "text_encoder_conformer_kernel_size": -1,
        "use_macaron_style_in_text_encoder": False,
        "use_conformer_conv_in_text_encoder": False,
    }
    told: dict[str, Any] = {
        "generator_params": generator,
        "sampling_rate": sample_rate,
        "mel_loss_params": {"fs": sample_rate, "n_fft": WINDOW, "hop_length": HOP, "n_mels": 80, "fmin": 0},
    }
    if _DISCRIMINATOR[preset]:
        told["discriminator_params"] = dict(_DISCRIMINATOR[preset])
    optimizer = {"betas": [0.8, 0.99], "eps": 1e-9, "weight_decay": 0.0}
    return {
        "tts_conf": told,
        "feats_extract": "linear_spectrogram",
        "feats_extract_conf": {"n_fft": WINDOW, "hop_length": HOP},
        "normalize": None,
        "optim": "adamw",
        "optim_conf": optimizer,
        "optim2": "adamw",
        "optim2_conf": optimizer,
        "scheduler": "exponentiallr",
        "scheduler_conf": {"gamma": 0.999875},
        "scheduler2": "exponentiallr",
        "scheduler2_conf": {"gamma": 0.999875},
        "generator_first": False,
        "grad_clip": -1.0,
    }
