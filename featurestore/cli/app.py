"""The tree of commands. A command's module is imported when the command is invoked, so that help is quick."""

import difflib
import importlib
import sys
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import click
from click.shell_completion import CompletionItem

from featurestore.cli.failures import report
from featurestore.cli.session import Session, project_options, write_examples

__all__ = ["Group", "Listed", "app"]


class Listed(NamedTuple):
    """Where a command is, as ``module:attribute``, and what the help of its group says of it."""

    place: str
    help: str


class Group(click.Group):
    """A group that knows its commands by place and imports them when they are needed, with examples in its help."""

    def __init__(self, *args: Any, listed: Mapping[str, Listed], examples: Sequence[str], **options: Any) -> None:
        super().__init__(*args, **options)
        self.listed = listed
        self.examples = tuple(examples)

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """The commands' names, in the order in which they are used."""
        return list(self.listed)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - idem
        """The command, imported; None if there is none of this name."""
        if cmd_name not in self.listed:
            return None
        module, _, attribute = self.listed[cmd_name].place.partition(":")
        found: click.Command = getattr(importlib.import_module(module), attribute)
        return found

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem[str]]:
        """Click's, but without importing all commands to offer their names."""
        named = [
            CompletionItem(name, help=one.help) for name, one in self.listed.items() if name.startswith(incomplete)
        ]
        return [*named, *click.Command.shell_complete(self, ctx, incomplete)]

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Click's, with a suggestion for a name that is close to one of ours."""
        close = [] if args[0] in self.listed else difflib.get_close_matches(args[0], self.listed, n=2, cutoff=0.5)
        if close and not ctx.resilient_parsing:
            ctx.fail(f"No such command {args[0]!r}. Did you mean {' or '.join(close)}?")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - idem
        """Lists the commands without importing one."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, one.help) for name, one in self.listed.items()])

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - idem
        """Lists the examples."""
        write_examples(formatter, self.examples)


class App(Group):
    """The outermost group: whatever goes wrong below is told here, and becomes an exit code."""

    def main(self, args: Sequence[str] | None = None, prog_name: str | None = None, *rest: Any, **extra: Any) -> Any:
        """Runs a command and exits; quietly with 1, as click does it, if whoever read the output has gone."""
        given = list(sys.argv[1:] if args is None else args)
        session = Session()
        extra |= {"standalone_mode": False, "obj": session}
        try:
            code = super().main(given, prog_name or "featurestore", *rest, **extra)
        except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - the outermost rim
            code = report(error, root=session.root, debug="--debug" in given, as_json="--json" in given)
        sys.exit(code if isinstance(code, int) else 0)

    def invoke(self, ctx: click.Context) -> Any:
        """Runs a command. After the ^C that a terminal shows, a new line is begun; elsewhere there is no empty one."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt as error:
            if sys.stderr.isatty():
                click.echo(err=True)
            raise click.Abort from error


_COMMANDS = "featurestore.cli.commands"

sources = Group(
    "sources",
    help="The sources of the project, and what sources.lock.yaml says of them.",
    examples=["featurestore sources pull", "featurestore sources pull --check"],
    listed={"pull": Listed(f"{_COMMANDS}.sources:pull", "Bring sources.lock.yaml up to what the store says.")},
)

training_set = Group(
    "training-set",
    help="Training sets: build them, look at builds, build them again.",
    examples=["featurestore training-set build returns", "featurestore training-set show returns"],
    listed={
        "build": Listed(f"{_COMMANDS}.training_set:build", "Build a training set and record the build."),
        "rebuild": Listed(f"{_COMMANDS}.training_set:rebuild", "Build again from a record and compare."),
        "show": Listed(f"{_COMMANDS}.training_set:show", "Show what is recorded of a build."),
        "list": Listed(f"{_COMMANDS}.training_set:list_builds", "List the builds, newest first."),
    },
)

runs = Group(
    "runs",
    help="The runs of the groups, as the ledger has them.",
    examples=["featurestore runs list --group Habits -n 5"],
    listed={
        "list": Listed(f"{_COMMANDS}.runs:list_runs", "List how runs ended, newest first."),
        "show": Listed(f"{_COMMANDS}.runs:show", "Show what is recorded of a run."),
    },
)

lineage = Group(
    "lineage",
    help="Lineage: what a value is made of, and what is made of it, as far as it is applied.",
    examples=["featurestore lineage up mean_amount", "featurestore lineage down orders.amount"],
    listed={
        "up": Listed(f"{_COMMANDS}.lineage:up", "Show what something is made of."),
        "down": Listed(f"{_COMMANDS}.lineage:down", "Show what is made of something."),
        "models": Listed(f"{_COMMANDS}.lineage:models", "List the models that something reaches."),
    },
)

model = Group(
    "model",
    help="Models: record what they were trained on, look at what is recorded.",
    examples=["featurestore model list", "featurestore model show returns"],
    listed={
        "register": Listed(f"{_COMMANDS}.model_register:register", "Record a version of a model and its training set."),
        "list": Listed(f"{_COMMANDS}.model:list_models", "List the models, newest first."),
        "show": Listed(f"{_COMMANDS}.model:show", "Show what is recorded of a model."),
    },
)

check = Group(
    "check",
    help="Checks that compute: what definitions alone do not show.",
    examples=["featurestore check leaks", "featurestore check leaks Habits --entities 1000"],
    listed={"leaks": Listed(f"{_COMMANDS}.check:leaks", "Look for values that know what was not known.")},
)

_HELP = """A virtual feature store: one definition of a feature, for training and for serving.

Commands look for featurestore.yaml in the current folder and above it.
"""

app = project_options(
    App(
        "featurestore",
        help=_HELP,
        examples=[
            "featurestore init shop                # then, in the folder shop:",
            "featurestore plan",
            'featurestore apply -m "First features"',
            "featurestore values checkout --key customer_id=7 --key amount=49.90",
            "featurestore doctor                   # when something does not work",
        ],
        listed={
            "init": Listed(f"{_COMMANDS}.init:init", "Make a small project that runs as it stands."),
            "list": Listed(f"{_COMMANDS}.definitions:list_definitions", "List the definitions of the project."),
            "show": Listed(f"{_COMMANDS}.definitions:show", "Show everything about one definition."),
            "explain": Listed(f"{_COMMANDS}.explain:explain", "Print the SQL that computes features."),
            "values": Listed(f"{_COMMANDS}.values:values", "Compute the values of features at given times."),
            "sources": Listed("featurestore.cli.app:sources", "Bring sources.lock.yaml up to date: pull."),
            "plan": Listed(f"{_COMMANDS}.plan:plan", "Show what apply would change."),
            "apply": Listed(f"{_COMMANDS}.apply:apply", "Record the project's definitions in the registry."),
            "bump": Listed(f"{_COMMANDS}.bump:bump", "Give a changed definition its next version."),
            "log": Listed(f"{_COMMANDS}.log:log", "List what was applied, when, by whom and why."),
            "check": Listed("featurestore.cli.app:check", "Check what only values show: leaks."),
            "training-set": Listed(
                "featurestore.cli.app:training_set",
                "Build training sets and look at builds: build, rebuild, show, list.",
            ),
            "materialize": Listed(f"{_COMMANDS}.materialize:materialize", "Bring the online store up to date."),
            "status": Listed(f"{_COMMANDS}.status:status", "Show how the groups stand in the online store."),
            "due": Listed(f"{_COMMANDS}.status:due", "List which groups must run."),
            "runs": Listed("featurestore.cli.app:runs", "Look at runs of groups: list, show."),
            "serve": Listed(f"{_COMMANDS}.serve:serve", "Serve features from the online store."),
            "get": Listed(f"{_COMMANDS}.get:get", "Read the features of one entity online."),
            "lineage": Listed("featurestore.cli.app:lineage", "Show what is made of what: up, down, models."),
            "model": Listed("featurestore.cli.app:model", "Record models and look at them: register, list, show."),
            "doctor": Listed(f"{_COMMANDS}.doctor:doctor", "Say what is wrong, and what to do."),
            "completion": Listed(f"{_COMMANDS}.completion:completion", "Print what completes commands in a shell."),
        },
    )
)
click.version_option(package_name="featurestore")(app)
