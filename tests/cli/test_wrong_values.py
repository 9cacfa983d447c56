"""A wrong value of any option ends with one message and exit code 1 or 2, never in a traceback."""

import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from synthmammo.cli.kinds import Device, Layers, ModelName, NewFile, NewFolder, NewPlace, Percents, SampleNames, Text
from tests.support import commands, tiny

OPTIONS = {
    f"{name} {option.opts[0]}": (name, option)
    for name, command in commands.COMMANDS.items()
    for option in commands.options(command)
    if not option.is_flag
}
NUMBERS = (click.types.FloatParamType, click.types.IntParamType)


def refused(option: click.Option) -> Iterator[str]:
    """Values that the type of an option refuses."""
    if isinstance(option.type, NUMBERS):
        yield from ("ten", "", "1,5")
    if isinstance(option.type, click.types.IntParamType):
        yield from ("1.5", "nan")
    if isinstance(option.type, click.IntRange | click.FloatRange):
        if option.type.min is not None:
            yield str(option.type.min if option.type.min_open else option.type.min - 1)
        if option.type.max is not None:
            yield str(option.type.max if option.type.max_open else option.type.max + 1)
        yield from ("nan", "inf") if isinstance(option.type, click.FloatRange) else ()
    if isinstance(option.type, click.Choice | Percents | Device):
        yield "no such"
    if isinstance(option.type, Device):
        yield "meta"  # is a device, but nothing can be computed there


REFUSED = [(name, value) for name, (_, option) in OPTIONS.items() for value in refused(option)]


def arguments(name: str) -> list[str]:
    """What a command demands besides the option that is tested."""
    given = {"stylegan2|contextual": "stylegan2"}
    words = []
    for parameter in commands.COMMANDS[name].params:
        if isinstance(parameter, click.Argument):
            choices = "|".join(getattr(parameter.type, "choices", ()))
            words.append(given.get(choices, "absent"))
        elif parameter.required:
            words += [parameter.opts[0], needed(parameter)]
    return words


def needed(option: click.Option) -> str:
    """A value that an option understands."""
    return "0" if isinstance(option.type, (*NUMBERS, Layers)) else "absent.png"


def told(result: tiny.Result, option: str) -> None:
    """There is one message, and it names the option."""
    assert result.exit_code == 2, result.output
    messages = re.findall(r"^Error: .*", result.output, re.MULTILINE)
    assert len(messages) == 1 and option in messages[0], result.output


@pytest.mark.parametrize("name", sorted({name for name, _ in REFUSED}))
def test_a_value_of_the_wrong_type(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    command, option = OPTIONS[name]
    count = option.nargs
    for value in [value for other, value in REFUSED if other == name]:
        told(tiny.run(*command.split(), *arguments(command), option.opts[0], *[value] * count), option.opts[0])
    assert not list(tmp_path.iterdir())


@given(value=st.text(st.characters(blacklist_categories=["Cs"]), max_size=8), data=st.data())
def test_any_text_for_a_number(value, data):
    numeric = sorted(name for name, (_, option) in OPTIONS.items() if isinstance(option.type, NUMBERS))
    command, option = OPTIONS[data.draw(st.sampled_from(numeric))]
    try:
        number = float(value)
    except ValueError:
        number = None
    if number is None:
        result = tiny.run(
            *command.split(), *arguments(command), f"{option.opts[0]}={value}", *["x"] * (option.nargs - 1)
        )
        told(result, option.opts[0])


def understood(option: click.Option, text: str) -> bool:
    """Whether the type of an option takes a text."""
    try:
        option.type.convert(text, option, None)
    except click.BadParameter:
        return False
    return True


TEXTS = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\0"), max_size=12)
PLACES = ["absent", "file", "file/x", "folder", "ä b", "~nobody/x", ""]
FREE = {
    "--about",
    "--name",
    "--user",
    "--generator",
    "--generated-by",
    "--key",
    "--address",
    "--patient",
    "--revision",
    "--private",
    "--licence",
    "--detector",
    "--weights",
    "--backbone",
    "--host",
    "--reader",
    "--title",
    "--token",
}
"""Options that take any text, or names that only the Hub knows."""


def wrong_values(option: click.Option) -> st.SearchStrategy[str] | None:
    """Values that an option must not take; None where any text is one, or only the inputs can tell."""
    if option.opts[0] == "--set" or option.metavar in ("SPLIT=SHARE", "[SPLIT/]CLASS=N"):
        return TEXTS.filter(lambda text: "=" not in text)
    if isinstance(option.type, (Percents, Layers, SampleNames, Text, click.Choice, Device, *NUMBERS)):
        numbers = st.sampled_from(["-1", "9-2", "1e400", "nan", "0x1", "99999999999999999999", "٣", " "])
        return st.one_of(TEXTS, numbers).filter(lambda text: not understood(option, text))
    if isinstance(option.type, NewFile):
        return st.sampled_from(["file/x.png", "folder", "file/x/y"])
    if isinstance(option.type, NewFolder | NewPlace):
        return st.sampled_from(["file/x", "file/x/y"])
    if isinstance(option.type, ModelName | click.Path):
        return st.sampled_from([*PLACES, "zoo/nosuch", "hf://x"] if isinstance(option.type, ModelName) else PLACES)
    return None


CHECKED = {name: found for name, (_, option) in OPTIONS.items() if (found := wrong_values(option)) is not None}


@pytest.fixture(scope="module")
def workplace(tmp_path_factory) -> Path:
    place = tmp_path_factory.mktemp("wrong")
    (place / "folder").mkdir()
    (place / "file").write_text("some text")
    return place


def refuse_a_wrong_value(workplace: Path, monkeypatch: pytest.MonkeyPatch, data: st.DataObject) -> None:
    """Any wrong value of any option: exit code 1 or 2, one message, and nothing is written."""
    monkeypatch.chdir(workplace)
    command, option = OPTIONS[name := data.draw(st.sampled_from(sorted(CHECKED)), "option")]
    value = data.draw(CHECKED[name], "value")
    words = [f"{option.opts[0]}={value}", *["x"] * (option.nargs - 1)]
    result = tiny.run(*command.split(), *arguments(command), *words)
    assert result.exit_code in (1, 2), result.output
    assert len(re.findall(r"^[Ee]rror: ", result.output, re.MULTILINE)) == 1, result.output
    assert sorted(path.name for path in workplace.rglob("*")) == ["file", "folder"]


BOUNDED = settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])


@BOUNDED
@given(data=st.data())
def test_a_wrong_value_of_any_option(workplace, monkeypatch, data):
    refuse_a_wrong_value(workplace, monkeypatch, data)


@pytest.mark.slow
@settings(BOUNDED, max_examples=3000)
@given(data=st.data())
def test_many_wrong_values_of_any_option(workplace, monkeypatch, data):
    refuse_a_wrong_value(workplace, monkeypatch, data)


def test_every_option_is_fed_a_wrong_value_somewhere():
    elsewhere = {f"{name} {word.partition('=')[0]}" for name, words in WRONG.items() for word in words.split()}
    left = [name for name in OPTIONS if name not in CHECKED | dict.fromkeys(elsewhere)]
    assert [name for name in left if name.rpartition(" ")[2] not in FREE] == []


@pytest.fixture
def inputs(tmp_path, monkeypatch, built) -> dict[str, Path]:
    """What the commands below work on, in the working directory."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SYNTHMAMMO_ZOO", str(tmp_path / "zoo"))
    tiny.write(tmp_path / "t.yaml")
    (tmp_path / "file").write_text("some text")
    Image.new("L", (64, 64), 90).save(tmp_path / "picture.png")
    return {"BUILT": built}


PHANTOM, CBIS = "zoo/stylegan2-phantom-256", "zoo/stylegan2-cbis-mass-128 --class malignant"
BASES = {
    "build": "t.yaml --out o --workers 1",
    "plan": "t.yaml",
    "ingest": "folder BUILT --out o --workers 1",
    "patches": "BUILT --out o --workers 1",
    "regenerate": "BUILT tiny-0000001",
    "show": "BUILT --out o.png",
    "card": "BUILT",
    "train": "stylegan2 --data BUILT --out o",
    "sample": f"{CBIS} --seeds 0 --out o.png",
    "mix": f"{CBIS} --targets 0 --references 1 --layers 6-11 --out o.png",
    "walk": f"{CBIS} 0 --along x --out o.png",
    "sheet seeds": f"{CBIS} --seeds 0 --out o.png",
    "sheet directions": f"{PHANTOM} --out o.png",
    "sheet parts": f"{PHANTOM} --seeds 0 --out o.png",
    "sheet local": f"{PHANTOM} --part 1 --references 0 --targets 1 --out o.png",
    "directions fit": f"{CBIS.split()[0]} --out o --samples 0",
    "directions show": PHANTOM,
    "zoo add": "zoo/contextual-mass",
    "turing": "BUILT BUILT --out o --count 2",
    "benchmark classify": "--real BUILT --out o",
    "benchmark detect": "--real BUILT --out o --train-on real",
    "init": "mine",
    "convert": "zoo/contextual-mass o.pt",
    "parts fit": f"{PHANTOM} --out o",
    "invert": f"picture.png --model {PHANTOM} --out o",
    "explore": "BUILT",
}
WRONG = {
    "build": "--part=0/3 --part=4/3 --part=x --shards=5-1 --shards=x --shards=0-99999 "
    "--size=0 --set=x --set=nokey=1 --set=size=many --set=emit.shard_size=0 --out=file --out=file/x",
    "plan": "--size=-1 --set= --out=file/x --out=BUILT",
    "ingest": "--frames=(( --where=(( --assume-spacing-mm=-1 --assume-spacing-mm=nan --share=x "
    "--share=tes=1 --share=test=x --format=x "
    "--set=x",
    "patches": "--where=(( --size-px=0 --resample-mm=nan --per-lesion=0 --per-class=-1 --quota=x "
    "--quota=mass=x --quota=nosuch=3 "
    "--offset-px=500 --tissue-share=2 --beside-findings-px=-1 --candidates=0 "
    "--healthy=nosuch --shard-size=0 --out=file",
    "regenerate": "--out=file --out=file/x",
    "show": "--where=(( --split=nosuch --class=nosuch --out=file/x.png --out=x.nosuch",
    "card": "--benchmark=absent --benchmark=file",
    "train": "--data=absent --config=absent --config=file --config=BUILT --set=x --set=nokey=1",
    "sample": "--seeds=x --seeds= --seeds=5-1 --seeds=-1 --seeds=99999999999999999999 --seeds=0-9999999 "
    "--class=nosuch "
    "--out=file/x.png",
    "mix": "--targets=x --targets= --references=-1 --layers=x --layers=12-6 --layers=0-99 --class=nosuch",
    "walk": "--class=nosuch --along=nosuch --along=component --out=o.nosuch",
    "sheet seeds": "--seeds=x --class=nosuch",
    "sheet directions": "--sample=x --sample=file:x --along=nosuch --columns=4 --layers=x --layers=9:2 "
    "--class=nosuch --directions=absent --directions=file",
    "sheet parts": "--seeds=x --parts=absent --parts=file --class=nosuch",
    "sheet local": "--class=nosuch --part=999 --references=x --references=0-5 --targets=x --parts=absent",
    "directions fit": "--components=9999 --out=file/x --seed=99999999999999999999",
    "parts fit": "--clusters=100000 --clusters=1 --samples=0",
    "invert": "--class=nosuch --key=x --split=test --picture=o.nosuch",
    "convert": "--licence= --licence=%20 --class-name=x",
    "init": "--like=nosuch --out=file --out=file/x.yaml",
    "explore": "--where=((",
    "directions show": "--directions=absent --directions=file",
    "zoo add": "--name=../x --name= --name=a/b",
    "turing": "--out=file --count=99999",
    "benchmark classify": "--where=(( --real=absent --preset=x --config=absent --config=file --ratios=101 --shares=-5 "
    "--positive=x --test-on=x --select-on=x --folds=1 --set=x --set=nokey=1",
    "benchmark detect": "--where=(( --real=absent --preset=x --config=absent --config=file --kind=x "
    "--folds=1 --set=nokey=1 "
    "--set=x",
}


@pytest.mark.parametrize(("name", "wrong"), [(name, one) for name, text in WRONG.items() for one in text.split()])
def test_a_value_that_makes_no_sense(name, wrong, inputs, tmp_path):
    line = f"{name} {BASES[name]} {wrong}"
    for word, path in inputs.items():
        line = line.replace(word, str(path))
    before = {path for path in tmp_path.rglob("*") if path.is_file()}
    result = tiny.run(*(word.replace("%20", " ") for word in line.split()))
    assert result.exit_code in (1, 2), result.output
    assert len(re.findall(r"^[Ee]rror: ", result.output, re.MULTILINE)) == 1, result.output
    assert (tmp_path / "file").read_text() == "some text"
    assert {path for path in tmp_path.rglob("*") if path.is_file()} == before
