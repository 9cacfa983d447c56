"""Commands on the installation: doctor, plugins, completion."""

from __future__ import annotations

import click

from synthmammo.cli.answers import JSON, print_json, print_table
from synthmammo.cli.kinds import Choice
from synthmammo.cli.volume import note

SHELLS = ("bash", "zsh", "fish")
VARIABLE = "_SYNTHMAMMO_COMPLETE"
"""Environment variable by which the scripts of the shells ask for completions; its name is click's."""


@click.command()
@JSON
def doctor(as_json: bool) -> None:
    """Check this installation.

    It lists versions, the optional parts that are installed, processor and graphics cards, the plug-ins that read and
    write compressed DICOM, and the free space of the disks; then what is wrong, with what to do. The exit code is 1
    where something that every user needs is missing.

    Example: synthmammo doctor
    """
    import synthmammo

    found = synthmammo.diagnose()
    if as_json:
        print_json(found.facts())
    else:
        for title, columns, rows in found.tables():
            print_table(columns, rows, title=title, texts=range(len(columns)))
            click.echo()
        for remark in found.remarks:
            note(remark)
        for problem in found.problems:
            click.secho(f"problem: {problem}", fg="red")
        if not found.problems:
            click.echo("Nothing is missing that every user needs.")
    if found.problems:
        raise SystemExit(1)


@click.command()
@JSON
def plugins(as_json: bool) -> None:
    """List what recipes can name, and the package of each.

    Backgrounds, lesions, sources and writers are listed: those of synthmammo, and those that installed packages add by
    entry points. A plug-in that cannot be used is one warning, and is listed without a description.

    Example: synthmammo plugins
    """
    from dataclasses import asdict

    import synthmammo

    found = synthmammo.plugins()
    if as_json:
        print_json([asdict(one) for one in found])
        return
    rows = [(one.kind, one.name, f"{one.package} {one.version}", one.about or "cannot be used") for one in found]
    print_table(("kind", "name", "package", "what it is"), rows, texts=range(4))


@click.command()
@click.argument("shell", type=Choice(SHELLS))
def completion(shell: str) -> None:
    r"""Print what completes commands by the tab key.

    SHELL is bash, zsh or fish. The tab key then completes commands, options, their values, names of recipes, sources
    and models, and paths. One line in the file that the shell reads at its start is enough:

    \b
      bash  eval "$(synthmammo completion bash)"    in ~/.bashrc
      zsh   eval "$(synthmammo completion zsh)"     in ~/.zshrc
      fish  synthmammo completion fish | source     in
            ~/.config/fish/config.fish

    Example: synthmammo completion bash
    """
    from click.shell_completion import get_completion_class

    from synthmammo.cli.main import main

    kind = get_completion_class(shell)
    assert kind, "click has one for each of the three"
    click.echo(kind(main, {}, "synthmammo", VARIABLE).source())
