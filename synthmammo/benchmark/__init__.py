"""VERB benchmark: what synthetic data does for networks that are tested on real images.

`classify` trains classifiers of images on real data, synthetic data and mixtures; `detect` trains detectors of lesions.
"""
