"""The recipes that the package carries, found by their bare names: `balanced_calc`, from any folder."""

from __future__ import annotations

from pathlib import Path

from synthmammo.errors import RecipeError, nearest

_FOLDERS = (Path(__file__).parent / "shipped", Path(__file__).parents[2] / "recipes")
"""Where they lie: in an installed package, where the build put them, and in a checkout of the repository."""
_ENDINGS = (".yaml", ".yml")


def shipped_recipes() -> dict[str, Path]:
    """Paths of the shipped recipes by name, in the order of their names.

    Example:
        >>> from synthmammo.recipe.shipped import shipped_recipes
        >>> "balanced_mass" in shipped_recipes()
        True
    """
    folder = next((folder for folder in _FOLDERS if folder.is_dir()), None)
    found = [*folder.glob("*.yaml"), *folder.glob("pairs/*.yaml")] if folder else []
    return {path.stem: path for path in sorted(found, key=lambda path: path.stem)}


def locate_recipe(recipe: str | Path) -> Path:
    """The file behind what a recipe is called: the path of a file, or the bare name of a shipped recipe.

    A file of that name in the current folder goes before the shipped recipe.

    Raises:
        RecipeError: A bare name is not that of a shipped recipe. Whether a path leads to a file is not looked at.
    """
    path = Path(recipe)
    if path.is_file() or str(path) != path.name or path.suffix in _ENDINGS:
        return path
    shipped = shipped_recipes()
    if path.name not in shipped:
        message = "is neither a file nor the name of a shipped recipe"
        raise RecipeError(message, where=path, hint=_hint(path.name, shipped))
    return shipped[path.name]


def _hint(name: str, shipped: dict[str, Path]) -> str:
    beside = sorted(path.name for ending in _ENDINGS for path in Path().glob(f"[!.]*{ending}"))
    return nearest(name, [*shipped, *beside])
