"""The configurations of the two networks, as NeMo takes them. Sizes come from the preset, the rest is stated here.

They are plain values: nothing of NeMo is imported for them.

Both hear the same spectrogram, so that the vocoder fits the model before it: 80 mels up to 8 kHz of windows of 1024 samples,
256 apart. They differ in how they keep the logarithm from zero, as NeMo's own configurations do.
"""

from __future__ import annotations

from typing import Any, Final

HOP: Final = 256
WINDOW: Final = 1024
MELS: Final = 80
LOG_GUARD: Final = 1e-5

PITCH: Final[dict[str, float]] = {"pitch_fmin": 65.40639132514966, "pitch_fmax": 2093.004522404789}
"""C2 to C7 in hertz: NeMo's own bounds of a voice."""

SCHEDULE_FROM_STEPS: Final = 10_000
"""Shorter trainings keep their learning rate; the others warm up, and cool down as a cosine."""

DATASETS: Final = {
    "fastpitch": "nemo.collections.tts.data.dataset.TTSDataset",
    "hifigan": "nemo.collections.tts.data.vocoder_dataset.VocoderDataset",
}

_OPTIMIZERS: Final[dict[str, dict[str, Any]]] = {
    "fastpitch": {"name": "adamw", "betas": [0.9, 0.999], "weight_decay": 1e-6},
    "hifigan": {"_target_": "torch.optim.AdamW", "betas": [0.8, 0.99]},  # of the paper (Kong 2020)
}


def model_config(plan: dict[str, Any]) -> dict[str, Any]:
    """The configuration of a model that is trained from scratch."""
    config = (_fastpitch if plan["stage"] == "fastpitch" else _hifigan)(plan["size"], plan["sample_rate"])
    return config | {"train_ds": {"defer_setup": True, "dataset": {"_target_": DATASETS[plan["stage"]]}}}


def optimizer(plan: dict[str, Any]) -> dict[str, Any]:
    """The optimiser of a stage."""
    chosen = _OPTIMIZERS[plan["stage"]] | {"lr": plan["learning_rate"]}
    if plan["steps"] >= SCHEDULE_FROM_STEPS:
        chosen["sched"] = {"name": "CosineAnnealing", "warmup_steps": 1000, "min_lr": 1e-5, "max_steps": plan["steps"]}
    return chosen


def data_config(plan: dict[str, Any], manifest: str, pitch: dict[str, Any], *, training: bool) -> dict[str, Any]:
    """The configuration of a data set; how it is drawn from is not NeMo's to decide."""
    rate = plan["sample_rate"]
    if plan["stage"] == "fastpitch":
        dataset = {
            "manifest_filepath": manifest,
            "sample_rate": rate,
            "sup_data_types": ["align_prior_matrix", "pitch"],
            "n_fft": WINDOW,
            "win_length": WINDOW,
            "hop_length": HOP,
            "window": "hann",
            "n_mels": MELS,
            "lowfreq": 0,
            "highfreq": highest_frequency(rate),
            "use_beta_binomial_interpolator": True,
            **PITCH,
            **pitch,
        }
    else:
        dataset = {
            "sample_rate": rate,
            "n_samples": plan["size"]["segment"] if training else None,
            "trunc_duration": None if training else 10.0,
            "dataset_meta": {"data": {"manifest_path": manifest, "audio_dir": "/", "sample_weight": 1.0}},
        }
    loader = {"batch_size": plan["batch_size"], "shuffle": training, "num_workers": 0}
    return {"dataset": {"_target_": DATASETS[plan["stage"]], **dataset}, "dataloader_params": loader}


def highest_frequency(rate: int) -> int:
    """Up to which the mels go."""
    return min(8000, rate // 2)


def _fastpitch(size: dict[str, Any], rate: int) -> dict[str, Any]:
    transformer = {
        "n_layer": size["layers"],
        "n_head": size["heads"],
        "d_model": size["width"],
        "d_head": size["head_width"],
        "d_inner": size["inner_width"],
        "kernel_size": 3,
        "dropout": size["dropout"],
        "dropatt": size["dropout"],
        "dropemb": 0.0,
    }
    predictor = {
        "_target_": "nemo.collections.tts.modules.fastpitch.TemporalPredictor",
        "input_size": size["width"],
        "kernel_size": 3,
        "filter_size": size["predictor_width"],
        "dropout": size["dropout"],
        "n_layers": 2,
    }
    tokenizers = "nemo.collections.common.tokenizers.text_to_speech.tts_tokenizers"
    return {
        "learn_alignment": True,
        "bin_loss_warmup_epochs": 100,
        "n_speakers": 1,
        "min_token_duration": 1,  # a model that has learnt little would speak no sound at all
        "max_token_duration": 75,
        "symbols_embedding_dim": size["width"],
        "pitch_embedding_kernel_size": 3,
        "n_mel_channels": MELS,
        "text_tokenizer": {
            "_target_": f"{tokenizers}.EnglishCharsTokenizer",
            "punct": True,
            "apostrophe": True,
            "pad_with_space": True,
        },
        "preprocessor": {
            "_target_": "nemo.collections.asr.modules.AudioToMelSpectrogramPreprocessor",
            "sample_rate": rate,
            "features": MELS,
            "lowfreq": 0,
            "highfreq": highest_frequency(rate),
            "n_fft": WINDOW,
            "n_window_size": WINDOW,
            "window_size": None,
            "n_window_stride": HOP,
            "window_stride": None,
            "window": "hann",
            "pad_to": 1,
            "pad_value": 0,
            "log": True,
            "log_zero_guard_type": "add",
            "log_zero_guard_value": LOG_GUARD,
            "mag_power": 1.0,
            "dither": 0.0,
            "preemph": None,
            "normalize": None,
        },
        "alignment_module": {
            "_target_": "nemo.collections.tts.modules.aligner.AlignmentEncoder",
            "n_mel_channels": MELS,
            "n_text_channels": size["width"],
        },
        "input_fft": {"_target_": "nemo.collections.tts.modules.transformer.FFTransformerEncoder", **transformer},
        "output_fft": {"_target_": "nemo.collections.tts.modules.transformer.FFTransformerDecoder", **transformer},
        "duration_predictor": predictor,
        "pitch_predictor": predictor,
    }


def _hifigan(size: dict[str, Any], rate: int) -> dict[str, Any]:
    return {
        "debug": size["debug"],
        "preprocessor": {
            "_target_": "nemo.collections.asr.parts.preprocessing.features.FilterbankFeatures",
            "sample_rate": rate,
            "nfilt": MELS,
            "lowfreq": 0,
            "highfreq": highest_frequency(rate),
            "n_fft": WINDOW,
            "n_window_size": WINDOW,
            "n_window_stride": HOP,
            "window": "hann",
            "pad_to": 0,
            "pad_value": -11.52,  # the logarithm of the guard
            "exact_pad": True,
            "log": True,
            "log_zero_guard_type": "clamp",
            "log_zero_guard_value": LOG_GUARD,
            "mag_power": 1.0,
            "dither": 0.0,
            "preemph": None,
            "normalize": None,
            "use_grads": False,
        },
        "generator": {
            "_target_": "nemo.collections.tts.modules.hifigan_modules.Generator",
            "resblock": size["resblock"],
            "upsample_rates": size["upsample_rates"],
            "upsample_kernel_sizes": size["upsample_kernels"],
            "upsample_initial_channel": size["initial_channels"],
            "resblock_kernel_sizes": size["resblock_kernels"],
            "resblock_dilation_sizes": size["resblock_dilations"],
        },
    }
