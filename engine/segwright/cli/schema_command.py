"""`segwright schema`: JSON Schemas of what the model declares."""

from __future__ import annotations

from pathlib import Path

import click

from segwright.cli.output import refuse, workspace_of, workspace_option


@click.command("schema")
@click.argument("name", required=False, metavar="[MESSAGE|RECORD]")
@workspace_option
@click.pass_context
def command(context: click.Context, name: str | None, workspace: Path | None) -> None:
    """Print the JSON Schema of the document that MESSAGE is made from, or of a RECORD of the model.

    Without a name: of every record and enum, by name.
    """
    import msgspec

    from segwright.core.diagnostic import diagnostic, errors
    from segwright.core.source import NOWHERE
    from segwright.core.suggest import nearest
    from segwright.plan.model import Type
    from segwright.runtime.encode import json_schema
    from segwright.service.inputs import GIVEN
    from segwright.service.opening import check

    root = workspace_of(context, workspace)
    compiled, found = check(root, ())
    model = compiled.scope.model
    if compiled.workspace is None or not model.records:
        refuse(errors(found) or found, compiled.sources)
    types = {record: Type("record", record) for record in model.records} | {
        enum: Type("enum", enum) for enum in model.enums
    }
    for mapping in compiled.bases.values():
        subject = next((p for p in mapping.inputs if p.name not in GIVEN), None)
        if subject is not None and subject.type.name in types:
            types.setdefault(mapping.name, types[subject.type.name])
    if name is None:
        schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", "$defs": {}}
        for type_ in types.values():
            schema["$defs"] |= json_schema(model, type_)["$defs"]
    elif name in types:
        schema = json_schema(model, types[name])
    else:
        if errors(found):  # the name may be right, and what declares it cannot be read
            refuse(errors(found), compiled.sources)
        facts = {"name": name, "nearest": nearest(name, types), "known": list(types)}
        refuse([diagnostic("SW1036", NOWHERE, **facts)], {})  # type: ignore[arg-type]
    click.echo(msgspec.json.format(msgspec.json.encode(schema), indent=2).decode())
