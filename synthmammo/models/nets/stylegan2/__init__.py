"""StyleGAN2 (Karras et al. 2020, configuration F, with the conditioning of StyleGAN2-ADA), for any image channels.

Layer names and tensor layouts follow the published models, so that their weights can be read (`convert`).
"""

from synthmammo.models.nets.stylegan2.config import StyleGAN2Config
from synthmammo.models.nets.stylegan2.discriminator import Discriminator
from synthmammo.models.nets.stylegan2.generator import Generator
from synthmammo.models.nets.stylegan2.mapping import Mapping
from synthmammo.models.nets.stylegan2.synthesis import Synthesis, Tap

__all__ = ["Discriminator", "Generator", "Mapping", "StyleGAN2Config", "Synthesis", "Tap"]
