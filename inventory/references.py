"""Finding a reference, such as the number of an order, by what somebody typed."""

from django.db.models import Q


def has_reference(text: str) -> Q:
    """Rows with this reference, as it was typed, in capitals, in small letters, or with a capital first."""
    return Q(reference__in=_spellings(text))


def reference_begins(text: str) -> Q:
    """Rows whose reference is or begins with this text, in the same spellings."""
    begins = Q()
    for spelling in _spellings(text):
        begins |= Q(reference__startswith=spelling)
    return begins


def _spellings(text: str) -> list[str]:
    # Not `iexact`, which uses no index of the reference.
    return list(dict.fromkeys((text, text.upper(), text.lower(), text.capitalize())))
