"""`featurestore completion`: the script with which a shell completes commands."""

import click
from click.shell_completion import get_completion_class

from featurestore.cli.session import Command

__all__ = ["completion"]

PROGRAM = "featurestore"
VARIABLE = "_FEATURESTORE_COMPLETE"
"""By which the script asks the program; click makes the name of the program's."""


@click.command(
    "completion",
    cls=Command,
    on_project=False,
    examples=[
        "featurestore completion bash     # into ~/.local/share/bash-completion/completions/featurestore",
        "featurestore completion zsh      # into a file _featurestore in a folder of $fpath",
        "featurestore completion fish     # into ~/.config/fish/completions/featurestore.fish",
    ],
)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print the script that completes commands, options and recorded names in SHELL.

    To try it in the shell at hand: eval "$(featurestore completion bash)". Names of definitions, groups and services
    are those that are applied; the project is not imported for it. bash has to be 4.4 or newer.
    """
    made = get_completion_class(shell)
    if made is None:
        message = f"{shell} cannot be completed for by the click that is installed."
        raise click.ClickException(message)
    click.echo(made(ctx.find_root().command, {}, PROGRAM, VARIABLE).source())
