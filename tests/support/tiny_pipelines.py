"""Diffusion pipelines of a few thousand random weights, saved as diffusers saves them."""

import warnings
from pathlib import Path

import torch

SIDE = 32
"""Side of the images of all of them, in pixels."""


def _seeded(make):
    """What a function makes with fixed random weights; no draw of the caller moves."""
    with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.manual_seed(0)
        return make()


def unconditional(folder: Path) -> Path:
    """A DDPM of grey images."""

    def make():
        from diffusers import DDPMPipeline, DDPMScheduler, UNet2DModel

        blocks = {"down_block_types": ("DownBlock2D", "DownBlock2D"), "up_block_types": ("UpBlock2D", "UpBlock2D")}
        unet = UNet2DModel(
            sample_size=SIDE, in_channels=1, out_channels=1, block_out_channels=(8, 8), layers_per_block=1,
            norm_num_groups=4, **blocks,
        )  # fmt: skip
        DDPMPipeline(unet=unet, scheduler=DDPMScheduler(num_train_timesteps=50)).save_pretrained(folder)

    _seeded(make)
    return folder


def text_to_image(folder: Path) -> Path:
    """A Stable Diffusion of grey images."""
    _seeded(lambda: _stable_diffusion(folder, "StableDiffusionPipeline", 4))
    return folder


def inpainting(folder: Path) -> Path:
    """A Stable Diffusion of grey images that inpaints."""
    _seeded(lambda: _stable_diffusion(folder, "StableDiffusionInpaintPipeline", 9))
    return folder


def _stable_diffusion(folder: Path, kind: str, channels: int) -> None:
    import diffusers
    from transformers import CLIPTextConfig, CLIPTextModel

    unet = diffusers.UNet2DConditionModel(
        sample_size=SIDE // 2, in_channels=channels, out_channels=4, block_out_channels=(8, 8), layers_per_block=1,
        norm_num_groups=4, cross_attention_dim=16, attention_head_dim=4,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"), up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
    )  # fmt: skip
    vae = diffusers.AutoencoderKL(
        in_channels=1, out_channels=1, block_out_channels=(8, 8), latent_channels=4, norm_num_groups=4,
        down_block_types=("DownEncoderBlock2D",) * 2, up_block_types=("UpDecoderBlock2D",) * 2, sample_size=SIDE,
    )  # fmt: skip
    words = CLIPTextConfig(
        vocab_size=len(_VOCABULARY), hidden_size=16, intermediate_size=16, num_hidden_layers=1, num_attention_heads=2,
        max_position_embeddings=32, bos_token_id=0, eos_token_id=1, pad_token_id=1, projection_dim=16,
    )  # fmt: skip
    scheduler = diffusers.DDIMScheduler(
        num_train_timesteps=50, beta_schedule="scaled_linear", clip_sample=False, set_alpha_to_one=False, steps_offset=1
    )
    getattr(diffusers, kind)(
        vae=vae, text_encoder=CLIPTextModel(words), tokenizer=_tokenizer(), unet=unet, scheduler=scheduler,
        safety_checker=None, feature_extractor=None, requires_safety_checker=False,
    ).save_pretrained(folder)  # fmt: skip


_VOCABULARY = {
    name: number
    for number, name in enumerate(
        ["<|startoftext|>", "<|endoftext|>"]
        + [f"{letter}{end}" for letter in "abcdefghijklmnopqrstuvwxyz0123456789{},." for end in ("", "</w>")]
    )
}


def _tokenizer():
    from transformers import CLIPTokenizer

    return CLIPTokenizer(vocab=_VOCABULARY, merges=[], model_max_length=32)
