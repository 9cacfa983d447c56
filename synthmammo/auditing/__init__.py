"""What a synthetic dataset is worth and what it gives away: realism, diversity, memorisation, bias."""
