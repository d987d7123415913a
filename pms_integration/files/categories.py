"""Finds and creates the categories of a file: by the path of names (`Clothing > Shirts`), or by slug."""

import itertools
from collections import defaultdict
from typing import Final

from django.db import transaction
from django.utils.text import slugify

from pms_backend.api.exceptions import DomainError
from pms_integration.files.cells import BadCell
from pms_integration.files.limits import MAX_PLANNED_CATEGORIES
from products import services as products
from products.models import MAX_NAME_LENGTH, Category

STEP: Final = " > "
_SEPARATOR: Final = ">"
# The names that shops use for "no category".
NO_CATEGORY: Final = frozenset({"uncategorized", "uncategorised"})


class Categories:
    """The category tree; the `require` methods add to it.

    `planned` are the slugs, by their paths, of the categories that were made and rolled back by earlier parts of a
    preview: they get the same slugs again, and what is made here is added, up to a limit.
    """

    def __init__(self, planned: dict[str, str] | None = None) -> None:
        self._planned = {} if planned is None else planned
        self._path_of_planned = {slug: path for path, slug in self._planned.items()}
        self._by_slug = {category.slug: category for category in Category.objects.all()}
        self._by_id = {category.pk: category for category in self._by_slug.values()}
        self._slugs_of: dict[str, list[str]] = defaultdict(list)
        for category in self._by_slug.values():
            self._slugs_of[self._path(category)].append(category.slug)

    def find(self, text: str) -> str | None:
        """The slug of the only category with this path, else of the category with this slug."""
        slugs = self._slugs_of.get(text, [])
        if len(slugs) == 1:
            return slugs[0]
        return text if text in self._by_slug else None

    def name_of(self, category_id: int | None) -> str:
        """The text by which `find` finds the category again: its path, or its slug if the path is ambiguous."""
        if category_id is None:
            return ""
        category = self._by_id[category_id]
        path = self._path(category)
        return category.slug if self.find(path) != category.slug and self.find(category.slug) else path

    def by_name(self, name: str) -> str | None:
        """The slug of the only category with this name at any level, else of the category with this slug."""
        named = [category.slug for category in self._by_slug.values() if category.name.casefold() == name.casefold()]
        if len(named) == 1:
            return named[0]
        return name if name in self._by_slug else None

    def require_slug(self, slug: str) -> str:
        """The slug; creates a top-level category if none has it."""
        if slug not in self._by_slug:
            self._create(slug, slug, None)
        return slug

    def require(self, text: str) -> str | None:
        """The slug of the category with this path, with or without spaces around `>`; None for `Uncategorized`.

        Creates the categories of the path that do not exist. Raises `BadCell`.
        """
        steps = [step.strip() for step in text.split(_SEPARATOR)]
        for path in (text, STEP.join(steps)):
            if (found := self.find(path)) is not None:
                return found
        if (planned := self._path_of_planned.get(text, text)) != text:
            return self.require(planned)
        if text.casefold() in NO_CATEGORY:
            return None
        if not all(steps) or max(map(len, steps)) > MAX_NAME_LENGTH:
            raise BadCell("invalid_category", f"{text[:100]} is no path of categories.")
        parent: Category | None = None
        for number in range(1, len(steps) + 1):
            path = STEP.join(steps[:number])
            slugs = self._slugs_of.get(path, [])
            parent = (
                self._by_slug[slugs[0]] if slugs else self._create(steps[number - 1], self._free_slug(path), parent)
            )
        return parent.slug if parent else ""

    def _path(self, category: Category) -> str:
        names, above = [category.name], category.parent_id
        while above is not None:
            names.append(self._by_id[above].name)
            above = self._by_id[above].parent_id
        return STEP.join(reversed(names))

    def _free_slug(self, path: str) -> str:
        if path in self._planned:
            return self._planned[path]
        name, whole = (slugify(text, allow_unicode=True) for text in (path.rpartition(STEP)[2], path))
        numbered = (f"{whole[: MAX_NAME_LENGTH - 8] or 'category'}-{number}" for number in itertools.count(2))
        wanted = itertools.chain((name[:MAX_NAME_LENGTH], whole[:MAX_NAME_LENGTH]), numbered)
        used = (self._by_slug, self._path_of_planned)
        return next(slug for slug in wanted if slug and not any(slug in slugs for slugs in used))

    def _create(self, name: str, slug: str, parent: Category | None) -> Category:
        try:
            with transaction.atomic():
                category = products.create_category(name=name, slug=slug, parent=parent)
        except DomainError as error:
            raise BadCell(error.code, error.detail) from None
        self._by_slug[slug] = self._by_id[category.pk] = category
        path = self._path(category)
        self._slugs_of[path].append(slug)
        if len(self._planned) < MAX_PLANNED_CATEGORIES:
            self._planned[path] = slug
            self._path_of_planned[slug] = path
        return category
