"""What does a person see who opens the API in a browser?

One page written from the OpenAPI document, with a command to copy for each operation. It loads
nothing from anywhere, so it also works where there is no internet.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

_STYLE = """
:root { color-scheme: light dark; --line: #8884; --soft: #8881; }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
h1 { margin-bottom: 0 } h2 { margin-top: 3rem; border-bottom: 1px solid var(--line) }
code, pre { font: 13px/1.45 ui-monospace, monospace }
pre { background: var(--soft); padding: .7rem; overflow-x: auto; border-radius: 4px }
details { border: 1px solid var(--line); border-radius: 4px; margin: .5rem 0; padding: .4rem .8rem }
summary { cursor: pointer } summary b { display: inline-block; min-width: 3.5rem }
table { border-collapse: collapse; width: 100% }
td, th { border-top: 1px solid var(--line); padding: .3rem .5rem; text-align: left;
         vertical-align: top }
"""


def page(document: Mapping[str, Any]) -> str:
    """Return the page as HTML."""
    info = document["info"]
    parts = [
        "<!doctype html><html lang=en><meta charset=utf-8>",
        "<meta name=viewport content='width=device-width, initial-scale=1'>",
        f"<title>{escape(info['title'])} API</title><style>{_STYLE}</style>",
        f"<h1>{escape(info['title'])} API</h1><p>{escape(info['summary'])}</p>",
        *(f"<p>{_marked(text)}</p>" for text in info["description"].split("\n\n")),
        "<p><a href=openapi.json>openapi.json</a> · <a href=readyz>readyz</a> · "
        "<a href=metrics>metrics</a></p>",
    ]
    for tag in document["tags"]:
        parts.append(f"<h2>{escape(tag['name'])}</h2><p>{escape(tag['description'])}</p>")
        for path, methods in document["paths"].items():
            for method, operation in methods.items():
                if tag["name"] in operation["tags"]:
                    parts += _operation(method.upper(), path, operation)
    return "".join(parts)


def _operation(method: str, path: str, operation: Mapping[str, Any]) -> Iterator[str]:
    yield f"<details id={escape(operation['operationId'])}><summary><b>{method}</b> "
    yield f"<code>{escape(path)}</code> {escape(operation['summary'])}</summary>"
    yield f"<p>{_marked(operation['description'])}</p>"
    yield f"<pre>{escape(_command(method, path, operation))}</pre>"
    parameters = operation.get("parameters", ())
    if parameters:
        yield "<table><tr><th>parameter<th>in<th>"
        for each in parameters:
            needed = " (required)" if each["required"] else ""
            yield f"<tr><td><code>{escape(each['name'])}</code><td>{each['in']}{needed}"
            yield f"<td>{_marked(each.get('description', ''))}"
        yield "</table>"
    yield "<table><tr><th>status<th>"
    for status, response in operation["responses"].items():
        yield f"<tr><td>{status}<td>{_marked(response['description'])}"
        for content in response["content"].values():
            if "example" in content:
                yield f"<pre>{escape(_shown(content['example']))}</pre>"
    yield "</table></details>"


def _command(method: str, path: str, operation: Mapping[str, Any]) -> str:
    """Return a curl command that does what the example says."""
    query = []
    for each in operation.get("parameters", ()):
        if each["in"] == "path":
            path = path.replace(f"{{{each['name']}}}", str(each["example"]))
        elif each["in"] == "query" and each["required"]:
            query.append(f"{each['name']}={each['example']}")
    address = f"http://localhost:8000{path}" + ("?" + "&".join(query) if query else "")
    if "requestBody" not in operation:
        return f"curl '{address}'" if method == "GET" else f"curl -X {method} '{address}'"
    ((media_type, content),) = operation["requestBody"]["content"].items()
    body = content["example"]
    key = any(
        each["name"] == "Idempotency-Key" and each["required"]
        for each in operation.get("parameters", ())
    )
    header = " -H 'Idempotency-Key: \"a-new-key\"'" if key else ""
    verb = "" if method == "POST" else f" -X {method}"
    if media_type != "application/json":
        return f"curl{verb} '{address}'{header} -H 'Content-Type: {media_type}' --data-binary @FILE"
    return f"curl{verb} '{address}'{header} --json '{json.dumps(body, indent=2)}'"


def _shown(example: Any) -> str:
    return example if isinstance(example, str) else json.dumps(example, indent=2)


def _marked(text: str) -> str:
    """Return text as HTML: `code` and **strong** are all the marks there are."""
    for mark, tag in (("`", "code"), ("**", "b")):
        pieces = text.split(mark) if tag == "b" else escape(text).split(mark)
        text = "".join(
            f"<{tag}>{piece}</{tag}>" if index % 2 else piece for index, piece in enumerate(pieces)
        )
    return text
