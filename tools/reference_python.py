"""The reference pages of the Python library: one per public name, filled from its docstring at every build."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from enum import Enum
from functools import partial
from typing import Any

from pydantic import BaseModel

import synthmammo
from tools.signatures import classes_in
from tools.undocumented import Undocumented

INDEX = """# Python

```python
import synthmammo as sm
```

A name is imported when it is first used, so that `import synthmammo` takes no time. Everything else in the package is
internal and may change with any release.

| name | what it is |
| --- | --- |
{rows}

```{{toctree}}
:hidden:

{names}
types
errors
```
"""
TYPES = """# Types

These types stand in the signatures of the public names. Those of words are strings: `"mass"` is `Kind.MASS`.

```{{eval-rst}}
{entries}
```
"""
ERRORS = """# Errors

Every error of the package is a `SynthmammoError` with one message that names the file and the field, what was found,
what was expected, and what to do.

```{eval-rst}
.. automodule:: synthmammo.errors
   :members:
   :exclude-members: SynthmammoError
```
"""


def public() -> dict[str, Any]:
    """The public things of the package by name, functions first; without `__version__`, a plain string."""
    things = {name: getattr(synthmammo, name) for name in sorted(synthmammo.__all__) if not name.startswith("_")}
    return dict(sorted(things.items(), key=lambda item: (inspect.isclass(item[1]), item[0].lower())))


def pages() -> dict[str, Callable[[], str]]:
    """Names of the pages, each with the function that makes its text."""
    return {
        "index": index,
        "types": types,
        "errors": lambda: ERRORS,
        **{stem(name, thing): partial(page, name, thing) for name, thing in public().items()},
    }


def stem(name: str, thing: Any) -> str:
    """Name of a page's file; `sample` and `Sample` are two, also where upper and lower case are the same."""
    return f"class_{name.lower()}" if inspect.isclass(thing) else name


def index() -> str:
    """The page that lists all names with the first sentence of their docstrings."""
    named = public().items()
    rows = [f"| [`{name}`]({stem(name, thing)}.md) | {summary(name, thing)} |" for name, thing in named]
    return INDEX.format(rows="\n".join(rows), names="\n".join(stem(name, thing) for name, thing in named))


def types() -> str:
    """The page of the types in signatures."""
    names = public().values()
    return TYPES.format(entries="\n".join(_entry(kind) for kind in classes_in(names) if kind not in names))


def _entry(kind: type) -> str:
    """A class with its members; of the models of settings, which have very many, what they are."""
    # The fields of a named tuple are members too, which its docstring has described already.
    told = issubclass(kind, tuple) and "Attributes:" in (kind.__doc__ or "")
    members = "" if told or issubclass(kind, BaseModel) else "   :members:\n"
    # The words of an enumeration have no docstrings.
    words = "   :undoc-members:\n" if issubclass(kind, Enum) else ""
    return f".. autoclass:: {kind.__module__}.{kind.__qualname__}\n{members}{words}"


def page(name: str, thing: Any) -> str:
    """The page of one name."""
    kind, options = ("autoclass", "\n   :members:") if inspect.isclass(thing) else ("autofunction", "")
    return f"# {name}\n\n```{{eval-rst}}\n.. {kind}:: synthmammo.{name}{options}\n```\n"


def summary(name: str, thing: Any) -> str:
    """The first line of a docstring.

    Raises:
        Undocumented: There is none.
    """
    if not thing.__doc__:
        raise Undocumented(f"synthmammo.{name} has no docstring")
    return str(thing.__doc__).strip().splitlines()[0]
