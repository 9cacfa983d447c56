"""synthmammo: trained mammogram generators into datasets.

recipe.yaml -> check -> plan.parquet -> build -> shards, manifest.json -> card
"""

__version__ = "0.1.0"
