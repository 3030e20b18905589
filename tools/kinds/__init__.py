"""Makes `src/kubewright/twin/kinds.json.xz`: what the twin's API server knows of the built-in kinds.

Run as `python -m tools.kinds`; it asks a real control plane, so that resources, schemas and table columns are those of
the release, and reads protobuf field numbers from the API's Go modules. Prose is left out: only structure is kept.

The document has these keys:

- `version`: of the server.
- `resources`: in the server's order of preference, each with `group`, `version`, `plural`, `singular`, `kind`,
  `namespaced`, `shortNames`, `categories`, `verbs`, `schema` (a definition's name), `subresources`
  (`name`, `group`, `version`, `kind`, `verbs`), and `columns` as `[name, type, format, priority]`.
- `schemas`: OpenAPI definitions without descriptions; a reference is `{"$ref": "<definition name>"}`, and what stands
  beside it (`default`) applies to the place that refers.
- `protobuf`: by definition name, then by field number, `[json name, type, repeated, map value type or null]`. A type
  is a protobuf scalar or a definition name. The json name `""` marks a message whose fields belong to the one
  around it, and `"*"` a message that stands for the list itself.
- `protobufKeepsEmpty`: by definition name, the numbers of the fields whose empty value (0, "", false, an empty
  message) means something. Go sends every other field too, empty or not, and its JSON leaves those out.
"""
