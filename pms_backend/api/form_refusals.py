"""Shows a service's refusal in the forms whose input it refuses."""

import re
from collections.abc import Sequence

from django import forms

from pms_backend.api.exceptions import problem_of
from pms_backend.api.problems import FieldError


def add_refusal(form: forms.BaseForm, error: Exception, *, except_below: str = "") -> None:
    """Adds a service's refusal to the form's errors: to the field that it names, else to the form.

    Errors of items of the list `except_below` are left to `add_refusal_of_rows`.
    """
    problem = problem_of(error)
    for one in problem.errors or (FieldError("", problem.code, problem.detail),):
        name = one.pointer.removeprefix("/")
        if not (except_below and name.startswith(f"{except_below}/")):
            form.add_error(name if name in form.fields else None, one.detail)


def add_refusal_of_rows(rows: Sequence[forms.BaseForm], error: Exception, *, below: str) -> list[str]:
    """Adds what a refusal says of items of the list `below` to the forms of these items; returns what has no form."""
    left = []
    for one in problem_of(error).errors:
        match = re.fullmatch(rf"/{below}/([0-9]{{1,9}})(?:/(\w+))?", one.pointer)
        if match is None:
            continue
        index, name = int(match[1]), match[2]
        if index < len(rows):
            rows[index].add_error(name if name in rows[index].fields else None, one.detail)
        else:
            left.append(one.detail)
    return left
