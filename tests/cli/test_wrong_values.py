"""A wrong value of any option ends with one message and exit code 1 or 2, never in a traceback."""

import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthmammo.cli.options import Device, Percents
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
            words += [parameter.opts[0], "0" if isinstance(parameter.type, NUMBERS) else "absent"]
    return words


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


@pytest.fixture
def inputs(tmp_path, monkeypatch, built) -> dict[str, Path]:
    """What the commands below work on, in the working directory."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SYNTHMAMMO_ZOO", str(tmp_path / "zoo"))
    tiny.write(tmp_path / "t.yaml")
    (tmp_path / "file").write_text("some text")
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
    "mix": f"{CBIS} --rows 0 --columns 1 --layers 6:12 --out o.png",
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
    "benchmark detect": "--real BUILT --out o --row real",
}
WRONG = {
    "build": "--size=0 --set=x --set=nokey=1 --set=size=many --set=emit.shard_size=0 --out=file --out=file/x",
    "plan": "--size=-1 --set= --out=file/x --out=BUILT",
    "ingest": "--assume-spacing-mm=-1 --assume-spacing-mm=nan --share=x --share=tes=1 --share=test=x --format=x "
    "--set=x",
    "patches": "--size-px=0 --spacing-mm=nan --per-lesion=0 --per-class=-1 --count=x --count=mass=x --count=nosuch=3 "
    "--offset-px=500 --tissue-share=2 --beside-findings-px=-1 --candidates=0 --shard-size=0 --out=file",
    "regenerate": "--out=file --out=file/x",
    "show": "--split=nosuch --class=nosuch --out=file/x.png",
    "card": "--benchmark=absent --benchmark=file",
    "train": "--data=absent --config=absent --config=file --config=BUILT --set=x --set=nokey=1",
    "sample": "--seeds=x --seeds= --seeds=5-1 --seeds=-1 --class=nosuch",
    "mix": "--rows=x --rows= --columns=-1 --layers=x --layers=12:6 --layers=0:99 --class=nosuch",
    "walk": "--along=nosuch --along=component --out=o.nosuch",
    "sheet seeds": "--seeds=x --class=nosuch",
    "sheet directions": "--sample=x --sample=file:x --row=nosuch --columns=4 --layers=x --directions=absent "
    "--directions=file",
    "sheet parts": "--seeds=x --parts=absent --parts=file --class=nosuch",
    "sheet local": "--part=999 --references=x --references=0-5 --targets=x --parts=absent",
    "directions fit": "--components=9999",
    "directions show": "--file=absent --file=file",
    "zoo add": "--name=../x --name= --name=a/b",
    "turing": "--out=file --count=99999",
    "benchmark classify": "--real=absent --preset=x --config=absent --config=file --ratios=101 --shares=-5 "
    "--positive=x --test-on=x --select-on=x --folds=1 --set=x --set=nokey=1",
    "benchmark detect": "--real=absent --preset=x --config=absent --config=file --kind=x --folds=1 --set=nokey=1 "
    "--set=x",
}


@pytest.mark.parametrize(("name", "wrong"), [(name, one) for name, text in WRONG.items() for one in text.split()])
def test_a_value_that_makes_no_sense(name, wrong, inputs, tmp_path):
    line = f"{name} {BASES[name]} {wrong}"
    for word, path in inputs.items():
        line = line.replace(word, str(path))
    result = tiny.run(*line.split())
    assert result.exit_code in (1, 2), result.output
    assert len(re.findall(r"^[Ee]rror: ", result.output, re.MULTILINE)) == 1, result.output
    assert (tmp_path / "file").read_text() == "some text"
