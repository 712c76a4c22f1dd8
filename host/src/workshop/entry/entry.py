"""Written by `plugin build`. It stands between the contract and app.py: what the author's functions
return or raise is held to the contract here, so that a mistake is named by function and field. The
runtime would break down without a word on where it was.
"""

import dataclasses
import enum
import typing

import app
from componentize_py_types import Err
from wit_world import exports
from wit_world.imports import types

# The functions that may fail; their annotations do not say so.
FAILING = {"compose_turn", "compose_rating", "parse_rating"}
# The largest numbers; annotations know `int` only.
LARGEST = {(types.Rating, "score"): 255, (types.TurnRequest, "max_rounds"): 4294967295}


def held(name):
    """The author's class of that name, with its answers checked. What is not there is found while
    this is built."""
    contract, own = getattr(exports, name), getattr(app, name, None)
    if not isinstance(own, type):
        raise ImportError(f"app.py has no class {name}(exports.{name})")
    calls = [call for call in vars(contract) if call in contract.__abstractmethods__]
    # A class that inherits from the contract's has its functions, without a body.
    missing = [call for call in calls if getattr(own, call, None) in (None, getattr(contract, call))]
    if missing:
        there = ", ".join(call for call in vars(own) if not call.startswith("_")) or "nothing"
        raise ImportError(f"app.py: the class {name} lacks the function {', '.join(missing)}; it has {there}")

    def begin(self):
        self.own = own()

    members = {call: held_call(call, getattr(contract, call).__annotations__["return"]) for call in calls}
    return type(name, (contract,), {"__init__": begin, **members})


def held_call(call, answer):
    def made(self, *given):
        refusal = None
        try:
            value = getattr(self.own, call)(*given)
        except Err as raised:
            refusal = raised
        try:
            if refusal is None:
                check(value, answer, f"{call}()")
            elif call in FAILING:
                check(refusal.value, types.Failure, f"the failure that {call} raised")
            else:
                raise TypeError(f"{call} raised {shown(refusal)}, and cannot fail")
        except TypeError as mistake:
            # Where it was found in this file helps nobody.
            raise mistake.with_traceback(None) from None
        if refusal is not None:
            raise refusal
        return value

    return made


def check(value, expected, place, largest=None):
    """Raises a sentence about the first thing that is wrong with a value."""
    of = typing.get_args(expected)
    if type(None) in of:
        if value is not None:
            check(value, of[0], place, largest)
    elif typing.get_origin(expected) is list:
        if not isinstance(value, list):
            wrong(place, "a list", value)
        for index, entry in enumerate(value):
            check(entry, of[0], f"{place}[{index}]")
    elif typing.get_origin(expected) is tuple:
        if not isinstance(value, tuple) or len(value) != len(of):
            wrong(place, f"a tuple of {len(of)}", value)
        for index, entry in enumerate(value):
            check(entry, of[index], f"{place}[{index}]")
    elif dataclasses.is_dataclass(expected):
        if not isinstance(value, expected):
            wrong(place, f"a {expected.__name__}", value)
        for field in dataclasses.fields(expected):
            inner = f"{place}.{field.name}"
            check(getattr(value, field.name), field.type, inner, LARGEST.get((expected, field.name)))
    elif expected is int:
        if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= largest:
            wrong(place, f"a whole number from 0 to {largest}", value)
    elif not isinstance(value, expected):
        wrong(place, f"a {expected.__name__}" if issubclass(expected, enum.Enum) else "a text", value)
    elif expected is str and any("\ud800" <= character <= "\udfff" for character in value):
        raise TypeError(f"{place} holds half a character (a lone surrogate)")


def wrong(place, expected, value):
    raise TypeError(f"{place} has to be {expected}; it is {shown(value)}")


def shown(value):
    """A value for a message: its kind, and how it begins."""
    if value is None:
        return "None"
    written = repr(value)
    return f"{written if len(written) <= 120 else written[:120] + '…'} ({type(value).__name__})"


Behavior = held("Behavior")
if WITH_SELF_TEST:
    SelfTest = held("SelfTest")
