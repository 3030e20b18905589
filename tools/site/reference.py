"""The reference, made from what it is about: a page for each command and each kind, by click and by definitions."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from typing import Any

import click

from kubewright.api.crds import all_crds
from kubewright.cli.exits import EXCEPTIONS, Exit
from kubewright.cli.main import COMMANDS, NAME, cli


def pages() -> Iterator[tuple[str, str]]:
    """Yield the name and text of each page."""
    yield "commands/index.md", "\n".join(_commands()) + "\n"
    context = click.Context(cli, info_name=NAME)
    for name in COMMANDS:
        command = cli.get_command(context, name)
        if command is not None:
            yield f"commands/{name}.md", "\n".join(_command(command, f"{NAME} {name}", 1)) + "\n"
    for definition in all_crds():
        yield f"kinds/{definition['spec']['names']['kind'].lower()}.md", "\n".join(_kind(definition)) + "\n"


def _commands() -> Iterator[str]:
    yield "# Commands\n"
    yield "| command | what it does |\n|---|---|"
    for name, (_, text) in COMMANDS.items():
        yield f"| [`{NAME} {name}`]({name}.md) | {_cell(text)} |"
    yield "\n## Exit codes\n\n| code | name |\n|---|---|"
    yield from (f"| {code.value} | {code.name} |" for code in Exit)
    yield ""
    yield from (f"- `{NAME} {name}`: {_cell(text)}" for name, text in EXCEPTIONS.items())


def _command(command: click.Command, name: str, level: int) -> Iterator[str]:
    yield f"{'#' * level} {name}\n"
    context = click.Context(command, info_name=name)
    usage = " ".join([name, *command.collect_usage_pieces(context)])
    yield f"```text\n{usage}\n```\n"
    yield _prose(command.help or "")
    options = [record for each in command.get_params(context) if (record := each.get_help_record(context))]
    if options:
        yield "\n| option | meaning |\n|---|---|"
        yield from (f"| `{_cell(option)}` | {_cell(text)} |" for option, text in options)
    yield ""
    if isinstance(command, click.Group):
        for each in command.list_commands(context):
            inner = command.get_command(context, each)
            if inner is not None:
                yield from _command(inner, f"{name} {each}", level + 1)


def _kind(definition: Mapping[str, Any]) -> Iterator[str]:
    spec = definition["spec"]
    names, version = spec["names"], spec["versions"][-1]
    schema = version["schema"]["openAPIV3Schema"]
    yield f"# {names['kind']}\n"
    yield f"`{spec['group']}/{version['name']}`, {spec['scope'].lower()}; `kubectl get {names['plural']}`.\n"
    yield _prose(schema.get("description", ""))
    for part in ("spec", "status"):
        fields = schema["properties"].get(part, {})
        if fields.get("properties"):
            yield f"\n## {part}\n\n| field | type | meaning |\n|---|---|---|"
            yield from _fields(fields, part)


def _fields(schema: Mapping[str, Any], path: str) -> Iterator[str]:
    required = set(schema.get("required", ()))
    for name, field in schema.get("properties", {}).items():
        mark = " (required)" if name in required else ""
        default = f" Default: {field['default']}." if "default" in field else ""
        kind = field.get("type") or ("int or string" if field.get("x-kubernetes-int-or-string") else "any")
        items = field.get("items", {})
        inner = items if kind == "array" else field
        shown = f"{kind} of {items.get('type', 'any')}" if kind == "array" else kind
        yield f"| `{path}.{name}`{mark} | {shown} | {_cell(field.get('description', '') + default)} |"
        yield from _fields(inner, f"{path}.{name}{'[]' if kind == 'array' else ''}")


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")


def _prose(text: str) -> str:
    return inspect.cleandoc(text).replace("\b", "").replace("<", "&lt;")
