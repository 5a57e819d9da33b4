"""The readable page of a data set's validation."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>{{ name }}: expectations</title>
<style>
 body { font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 3rem auto; color: #1d2430;
        padding: 0 1rem }
 table { border-collapse: collapse; width: 100%; margin: 1rem 0 2rem }
 th, td { text-align: left; padding: .35rem .6rem; border-bottom: 1px solid #e3e6ec;
          vertical-align: top }
 .ok { color: #18794e } .bad { color: #b42318 } code { color: #5b6472; font-size: 13px }
</style>
<h1>{{ name }}</h1>
<p>{{ table|length }} rows from {{ facts.origin }} ({{ facts.licence }}).</p>
<table><tr><th><th>expectation<th>Great Expectations class<th>observed</tr>
{% for r in records %}<tr><td class="{{ 'ok' if r.success else 'bad' }}">{{ '✓' if r.success
 else '✗' }}<td>{{ r.meaning }}{% if r.yours %}
 <b>params.yaml</b>{% endif %}<td><code>{{ r.expectation }}</code><td>{{ r.observed or '' }}</tr>
{% endfor %}</table>
{% if left_out %}<h2>Rows left out</h2>
<table><tr><th>rows<th>reason<th>the first of them</tr>
{% for each in left_out %}<tr><td>{{ each.count }}<td>{{ each.reason }}<td>
{%- for place in each.first %}{{ ', ' if not loop.first }}{{ place.file }}
{%- if place.row is not none %} row {{ place.row }}{% endif %}{% endfor %}
{{- ', …' if each.count > each.first|length }}</tr>
{% endfor %}</table>
{% endif %}<h2>Rows by split</h2>
<table><tr><th>split<th>rows</tr>
{% for split, rows in splits %}<tr><td>{{ split }}<td>{{ rows }}</tr>{% endfor %}</table>
<h2>First rows</h2>
<table><tr>{% for c in columns %}<th>{{ c }}{% endfor %}</tr>
{% for row in head %}<tr>{% for cell in row %}<td>{{ cell|string|truncate(80) }}{% endfor %}</tr>
{% endfor %}</table>
</html>
"""


def validation_page(
    name: str, facts: dict[str, Any], records: list[dict[str, Any]], table: "pd.DataFrame"
) -> str:
    """HTML with every expectation and what was observed; the same table gives the same bytes."""
    from jinja2 import Environment

    columns = [c for c in table.columns if c != "pixels"]
    return (
        Environment(autoescape=True)
        .from_string(PAGE)
        .render(
            name=name,
            facts=facts,
            records=records,
            table=table,
            splits=sorted(table["split"].value_counts().items()),
            columns=columns,
            left_out=[each for record in records for each in record.get("left_out", [])],
            head=table[columns].head(8).to_numpy().tolist(),
        )
    )
