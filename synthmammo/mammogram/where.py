"""Conditions on the columns of a table, as `modifier is null and not implant`: parsed, checked, and never executed.

The grammar, with words in any case:

```
condition  = all { "or" all }
all        = one { "and" one }
one        = "not" one | "(" condition ")" | test
test       = COLUMN                                        a column that is true or false
           | value ( "=" | "!=" | "<" | "<=" | ">" | ">=" ) value
           | COLUMN [ "not" ] "in" "(" LITERAL { "," LITERAL } ")"
           | LITERAL [ "not" ] "in" COLUMN                 a column of several texts
           | COLUMN "is" [ "not" ] "null"
value      = COLUMN | LITERAL
LITERAL    = a number, a text in '...' or "...", true, false
```

A test of an empty column does not hold, so `not` of it does: `not implant` also takes images of which nothing is said.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, NoReturn

from synthmammo.errors import SynthmammoError, nearest

Holds = Literal["text", "texts", "number", "boolean"]
"""What a column holds; "texts" are several texts, any of which may be meant."""

_Row = Mapping[str, Any]
Test = Callable[[_Row], bool]

LONGEST, DEEPEST = 4000, 50
"""Most characters of a condition, and most parentheses and `not` inside each other."""

_KEYWORDS = ("and", "or", "not", "in", "is", "null", "true", "false")
_TOKEN = re.compile(
    r"\s*(?:(?P<number>[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?(?![\w.]))|(?P<text>'[^']*'|\"[^\"]*\")"
    r"|(?P<word>[^\W\d]\w*)|(?P<sign>==|!=|<>|<=|>=|[=<>(),]))"
)
_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_SPELLINGS = {"==": "=", "<>": "!="}
_ARTICLES = {"text": "a text", "texts": "several texts", "number": "a number", "boolean": "true or false"}


@dataclass(frozen=True)
class Condition:
    """A condition that was understood.

    Attributes:
        text: The condition as it was written.
        columns: Names of the columns that it looks at.
    """

    text: str
    columns: frozenset[str]
    _test: Test

    def __call__(self, row: _Row) -> bool:
        """Whether the condition holds for a row.

        Args:
            row: Values by column; what is absent, None, NaN, or an empty text or list counts as empty.
        """
        return self._test(row)


def parse(
    text: object,
    kinds: Mapping[str, Holds],
    error: type[SynthmammoError],
    where: str = "where",
    elsewhere: Mapping[str, str] | None = None,
) -> Condition:
    """Understand a condition.

    Args:
        text: The condition.
        kinds: What each known column holds, by name.
        error: Class of the error to raise.
        where: Name of the option or field that holds the condition, for the message.
        elsewhere: Sentences on columns that exist but cannot be used here, by name; none by default.

    Returns:
        The condition, to be called with a row.

    Raises:
        SynthmammoError: It is not written after the grammar, names an unknown column, or compares what cannot be
            compared; the class is `error`.

    Example:
        >>> from synthmammo.errors import RecipeError
        >>> holds = parse("kvp < 30 and view in ('CC', 'MLO')", {"kvp": "number", "view": "text"}, RecipeError)
        >>> holds({"kvp": 28.0, "view": "CC"}), holds({"kvp": None, "view": "CC"})
        (True, False)
    """
    return _Parser(text, kinds, error, where, elsewhere or {}).condition()


@dataclass(frozen=True)
class _Token:
    kind: str
    text: str
    place: int


@dataclass(frozen=True)
class _Value:
    """A literal, or the values of a column: as none, one or several."""

    kind: Holds
    said: str
    column: str | None
    literal: Any = None

    def of(self, row: _Row) -> tuple[Any, ...]:
        return (self.literal,) if self.column is None else _values(row.get(self.column), self.kind)


def _values(found: Any, kind: Holds) -> tuple[Any, ...]:
    several = found if isinstance(found, list | tuple) else (found,)
    known = (value for value in several if value is not None and value != "" and value == value)
    return tuple(str(value).casefold() if kind in ("text", "texts") else value for value in known)


class _Parser:
    """Recursive descent over the tokens; every method returns what it has read."""

    def __init__(
        self,
        text: object,
        kinds: Mapping[str, Holds],
        error: type[SynthmammoError],
        where: str,
        elsewhere: Mapping[str, str],
    ) -> None:
        self._kinds, self._error, self._where, self._elsewhere = kinds, error, where, elsewhere
        self._columns: set[str] = set()
        self._depth = 0
        if not isinstance(text, str) or not text.strip():
            raise error(f"expected a condition, found {text!r}", where=where, hint="E.g. \"view = 'CC'\".")
        if len(text) > LONGEST:
            raise error(f"a condition of {len(text):,} characters; at most {LONGEST:,} are read", where=where)
        self._text = text
        self._tokens = list(self._split())
        self._next = 0

    def condition(self) -> Condition:
        test = self._any()
        if (token := self._peek()).kind != "end":
            self._unexpected("and, or, or the end", token)
        return Condition(self._text, frozenset(self._columns), test)

    def _split(self) -> Iterable[_Token]:
        place, end = 0, len(self._text.rstrip())
        while place < end:
            found = _TOKEN.match(self._text, place)
            if not found or not found.lastgroup:
                rest = self._text[place:].strip()
                unfinished = rest[0] in "'\""
                hint = "Texts stand in '...' or \"...\"." if unfinished else "Signs are = != < <= > >= ( ) and commas."
                what = "a text has no end" if unfinished else f"'{rest[0]}' is not understood"
                raise self._wrong(f"{what} at character {end - len(rest) + 1}", hint)
            kind, text = found.lastgroup, found[found.lastgroup]
            if kind == "word" and text.lower() in _KEYWORDS:
                kind, text = "keyword", text.lower()
            yield _Token(kind, _SPELLINGS.get(text, text), found.start(found.lastgroup))
            place = found.end()
        yield _Token("end", "", end)

    def _any(self) -> Test:
        tests = [self._all()]
        while self._takes("or"):
            tests.append(self._all())
        return tests[0] if len(tests) == 1 else lambda row: any(test(row) for test in tests)

    def _all(self) -> Test:
        tests = [self._one()]
        while self._takes("and"):
            tests.append(self._one())
        return tests[0] if len(tests) == 1 else lambda row: all(test(row) for test in tests)

    def _one(self) -> Test:
        if self._takes("not"):
            inner = self._deeper(self._one)
            return lambda row: not inner(row)
        if self._takes("("):
            inner = self._deeper(self._any)
            self._must(")")
            return inner
        return self._test()

    def _deeper(self, rule: Callable[[], Test]) -> Test:
        self._depth += 1
        if self._depth > DEEPEST:
            raise self._wrong(f"more than {DEEPEST} parentheses and `not` inside each other")
        test = rule()
        self._depth -= 1
        return test

    def _test(self) -> Test:
        left = self._value()
        if self._takes("is"):
            return self._emptiness(left)
        inverse = self._takes("not")
        if inverse or self._peek().text == "in":
            self._must("in")
            inside = self._membership(left)
            return (lambda row: not inside(row)) if inverse else inside
        sign = self._peek()
        if sign.kind == "sign" and sign.text in _COMPARISONS:
            self._next += 1
            return self._comparison(left, sign.text, self._value())
        if left.kind != "boolean":
            value = "1" if left.kind == "number" else "'...'"
            hint = f'E.g. "{left.said} = {value}", or "{left.said} is null".'
            raise self._wrong(f"{left.said} is {_ARTICLES[left.kind]}, and is compared with nothing", hint)
        return lambda row: left.of(row) == (True,)

    def _emptiness(self, left: _Value) -> Test:
        stated = self._takes("not")
        self._must("null")
        self._must_be_column(left, "is null")
        return lambda row: bool(left.of(row)) == stated

    def _membership(self, left: _Value) -> Test:
        if self._peek().kind == "word":
            right = self._value()
            if right.kind != "texts" or left.column is not None:
                raise self._wrong(f"{right.said} does not hold several texts", "After `in` come values: ('a', 'b').")
            return self._comparison(right, "=", left)
        self._must_be_column(left, "in (...)")
        self._must("(")
        tests = [self._comparison(left, "=", self._value())]
        while self._takes(","):
            tests.append(self._comparison(left, "=", self._value()))
        self._must(")")
        return lambda row: any(test(row) for test in tests)

    def _comparison(self, left: _Value, sign: str, right: _Value) -> Test:
        kinds = {"text" if value.kind == "texts" else value.kind for value in (left, right)}
        if len(kinds) > 1:
            message = f"{left.said} is {_ARTICLES[left.kind]}, {right.said} is {_ARTICLES[right.kind]}"
            raise self._wrong(message, "Compare values of one kind; texts stand in '...' or \"...\".")
        if sign not in ("=", "!=") and ("boolean" in kinds or "texts" in (left.kind, right.kind)):
            raise self._wrong(f"{left.said} has no order, so `{sign}` says nothing of it", "Use = or !=.")
        if sign == "!=":
            # None of several texts may be equal; where there is no text nothing holds.
            equal = self._comparison(left, "=", right)
            return lambda row: bool(left.of(row) and right.of(row)) and not equal(row)
        compare = _COMPARISONS[sign]
        return lambda row: any(compare(a, b) for a in left.of(row) for b in right.of(row))

    def _value(self) -> _Value:
        token = self._peek()
        self._next += 1
        if token.kind == "number":
            return _Value("number", token.text, None, float(token.text))
        if token.kind == "text":
            return _Value("text", token.text, None, token.text[1:-1].casefold())
        if token.text in ("true", "false") and token.kind == "keyword":
            return _Value("boolean", token.text, None, token.text == "true")
        if token.kind != "word":
            self._unexpected("a column or a value", token)
        return self._column(token)

    def _column(self, token: _Token) -> _Value:
        if token.text in self._elsewhere:
            raise self._wrong(f"'{token.text}' is not known here", self._elsewhere[token.text])
        if token.text not in self._kinds:
            raise self._wrong(f"no column is called '{token.text}'", nearest(token.text, self._kinds))
        self._columns.add(token.text)
        return _Value(self._kinds[token.text], token.text, token.text)

    def _must_be_column(self, value: _Value, before: str) -> None:
        if value.column is None:
            raise self._wrong(f"expected a column before `{before}`, found {value.said}")

    def _peek(self) -> _Token:
        return self._tokens[min(self._next, len(self._tokens) - 1)]

    def _takes(self, text: str) -> bool:
        token = self._peek()
        if token.kind not in ("keyword", "sign") or token.text != text:
            return False
        self._next += 1
        return True

    def _must(self, text: str) -> None:
        if not self._takes(text):
            self._unexpected(f"`{text}`", self._peek())

    def _unexpected(self, expected: str, token: _Token) -> NoReturn:
        found = f"'{token.text}' at character {token.place + 1}" if token.kind != "end" else "the end"
        raise self._wrong(f"expected {expected}, found {found}")

    def _wrong(self, message: str, hint: str | None = None) -> SynthmammoError:
        hint = hint or 'E.g. "modifier is null and not implant"; the documentation has the grammar.'
        shown = self._text if len(self._text) <= 200 else f"{self._text[:197]}..."
        return self._error(f"{message} (in: {shown})", where=self._where, hint=hint)
