"""The recipes lie at the top of the repository, and in a wheel inside the package, where bare names find them."""

from setuptools import find_namespace_packages, setup

SHIPPED = "synthmammo.recipe.shipped"

setup(
    packages=[*find_namespace_packages(include=["synthmammo*"]), SHIPPED],
    package_dir={SHIPPED: "recipes"},
)
