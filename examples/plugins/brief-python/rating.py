"""Reads ratings out of whatever a model wrote.

Looked for is a JSON object with a list `ratings`, anywhere in the reply. The last one counts,
because models correct themselves; a list that breaks off is read as far as it goes. Of an entry
are accepted a `module` that was used, a `rating` that is 1, 2, 3, 4 or 5 (4.0 is 4, "4" is not),
and `notes`. What is not accepted is left out, with a problem that says where it stands.
"""

import json
import re

from componentize_py_types import Err
from wit_world.imports.types import Failure, FailureKind, Problem, Rating, RatingReport, Severity

MAX_NOTES = 1000
# How many opening braces are tried, so that a reply of nothing but braces costs little.
MAX_CANDIDATES = 100
MISSING = object()


def read_ratings(reply, modules):
    """A rating report; raises a failure of kind `output` if there is nothing to read."""
    problems = []
    ratings = read_entries(find_entries(reply, problems), modules, problems)
    return RatingReport(ratings=ratings, problems=problems, memory=None, extras=[])


def find_entries(reply, problems):
    """The entries of the list that counts."""
    candidates = objects_with_ratings(reply)
    if not candidates:
        return salvage(reply, problems)
    entries = candidates[-1]["ratings"]
    if not isinstance(entries, list):
        raise output("no-list", f'"ratings" is {kind(entries)}, not a list')
    if len(candidates) > 1:
        message = f"the reply holds {len(candidates)} objects with ratings; the last one was read"
        problems.append(Problem(Severity.INFO, None, message))
    return entries


def objects_with_ratings(text):
    """Every JSON object in a text that holds `ratings`, from left to right; not those inside of these."""
    found = []
    position = 0
    for _ in range(MAX_CANDIDATES):
        start = text.find("{", position)
        if start < 0:
            break
        position = start + 1
        value, end = value_at(text, start)
        if end is not None and "ratings" in value:
            found.append(value)
            position = end
    return found


def salvage(reply, problems):
    """The readable beginning of a list that breaks off, as when the model ran out of tokens."""
    _, found, after = reply.rpartition('"ratings"')
    broken = re.match(r"\s*:\s*\[", after) if found else None
    if broken is None:
        message = f'the reply holds no JSON object with "ratings"; it begins: {beginning(reply)}'
        raise output("no-ratings", message)
    entries = []
    rest = after[broken.end() :].lstrip()
    while True:
        value, end = value_at(rest, 0)
        if end is None:
            break
        entries.append(value)
        rest = rest[end:].lstrip()
        if not rest.startswith(","):
            break
        rest = rest[1:].lstrip()
    message = "the list of ratings is broken from here on; what stands before was read"
    problems.append(Problem(Severity.WARNING, f"/ratings/{len(entries)}", message))
    return entries


def value_at(text, start):
    """The JSON value at a position and where it ends; `(None, None)` if there is none."""
    try:
        value, end = json.JSONDecoder().raw_decode(text, start)
        # Half an emoji cannot be handed to the host, and neither 1e400 nor NaN is a number.
        json.dumps(value, allow_nan=False, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        return None, None
    return value, end


def read_entries(entries, modules, problems):
    ratings = []
    mentioned = set()
    for index, entry in enumerate(entries):

        def say(severity, field, message):
            problems.append(Problem(severity, f"/ratings/{index}{field}", message))

        module = read_module(entry, modules, say)
        if module is None:
            continue
        if module in mentioned:
            say(Severity.WARNING, "", f'"{module}" is rated more than once; only its first entry counts')
            continue
        mentioned.add(module)
        score = read_score(entry, say)
        if score is not None:
            ratings.append(Rating(module, score, read_notes(entry, say)))
    for module in modules:
        if module not in mentioned:
            message = f'"{module}" was used, but the reply does not rate it'
            problems.append(Problem(Severity.WARNING, module, message))
    return ratings


def read_module(entry, modules, say):
    if not isinstance(entry, dict):
        say(Severity.ERROR, "", f"an entry has to be an object; it is {kind(entry)}")
        return None
    module = entry.get("module", MISSING)
    if not isinstance(module, str):
        say(Severity.ERROR, "/module", f"the module has to be a text; it is {kind(module)}")
        return None
    if module.strip() in modules:
        return module.strip()
    say(Severity.WARNING, "/module", f'"{beginning(module)}" is not among the modules that were used')
    return None


def read_score(entry, say):
    rating = entry.get("rating", MISSING)
    # To Python, `true` is a whole number too.
    number = isinstance(rating, (int, float)) and not isinstance(rating, bool)
    if number and rating in (1, 2, 3, 4, 5):
        return int(rating)
    what = kind(rating)
    if number:
        what = rating
    elif isinstance(rating, str):
        what = f'the text "{beginning(rating)}"'
    say(Severity.ERROR, "/rating", f"a rating has to be 1, 2, 3, 4 or 5; it is {what}")
    return None


def read_notes(entry, say):
    notes = entry.get("notes")
    if notes is None:
        return None
    if not isinstance(notes, str):
        say(Severity.WARNING, "/notes", f"the notes have to be a text; they are {kind(notes)}")
        return None
    notes = notes.strip()
    if len(notes) > MAX_NOTES:
        say(Severity.WARNING, "/notes", f"cut after {MAX_NOTES} characters")
    return notes[:MAX_NOTES] or None


def kind(value):
    if value is MISSING:
        return "missing"
    if value is None:
        return "null"
    names = {
        bool: "true or false",
        int: "a number",
        float: "a number",
        str: "a text",
        list: "a list",
        dict: "an object",
    }
    return names[type(value)]


def beginning(text):
    """The first 60 characters on one line, for a message."""
    line = " ".join(text.split())
    return f"{line[:60]}…" if len(line) > 60 else line or "(nothing)"


def output(code, message):
    return Err(Failure(kind=FailureKind.OUTPUT, code=code, message=message, detail=None))
