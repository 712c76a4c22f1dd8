"""What a persona is asked to do, what it is asked to rate, and how its reply is read.

Every call runs in a fresh instance: what the next turn should know goes into `memory`, not into a
global. Neither the clock nor the random numbers are real; use `ctx.now_ms` and `ctx.seed`.
"""

import json
import math

from componentize_py_types import Err
from wit_world import exports
from wit_world.imports.types import (
    Descriptor,
    FailureKind,
    ModuleWeight,
    Problem,
    RatingRequest,
    Severity,
    TurnRequest,
)

from rating import read_ratings

SETTINGS_SCHEMA = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "minutes": {
            "description": "How many minutes the persona is told to have",
            "type": "integer",
            "minimum": 1,
            "maximum": 60,
            "default": 5,
        }
    },
}


class Behavior(exports.Behavior):
    def describe(self):
        return Descriptor(
            name="brief-python",
            version="0.1.0",
            summary="Two or three tools, few words",
            settings_schema=json.dumps(SETTINGS_SCHEMA),
            extras=[],
        )

    def check_settings(self, settings):
        # The host has held the settings to the schema already; here goes what a schema cannot say.
        return []

    def compose_turn(self, who, ctx, settings):
        # The host does not fill in the defaults of the schema.
        minutes = int(json.loads(settings).get("minutes", 5))
        mix = [f"{module} {percent} %" for module, percent in mix_in_percent(who.module_mix)]
        favorites = f" You like: {', '.join(mix)}." if mix else ""
        user = (
            f"It is {ctx.local_date}. You have {minutes} minutes for your Mana app; the tools are the app."
            f"{favorites} Do the two or three things that matter to you now, then stop and say in one "
            "sentence what you did."
        )
        return TurnRequest(system=who.system_prompt, user=user, allowed_tools=None, max_rounds=6, extras=[])

    def compose_rating(self, who, ctx, outcome, settings):
        example = [f'{{"module":"{module}","rating":N,"notes":"why"}}' for module in outcome.modules_used]
        user = (
            f"You just used {', '.join(outcome.modules_used)}. Would you use it again tomorrow? Replace each N "
            "by 1 (no, it annoyed me) up to 5 (yes, gladly), give the reason in a few words, and reply with "
            f'this JSON only: {{"ratings":[{",".join(example)}]}}'
        )
        return RatingRequest(system=who.system_prompt, user=user, extras=[])

    def parse_rating(self, who, ctx, outcome, reply, settings):
        # A failure is raised as `Err(Failure(kind, code, message, detail))`. Any other exception is
        # taken for a bug of the plugin.
        return read_ratings(reply, outcome.modules_used)


def mix_in_percent(module_mix):
    """The module mix in whole percent of its sum. What has no weight is left out."""
    counted = [entry for entry in module_mix if math.isfinite(entry.weight) and entry.weight > 0]
    # Not `sum`, which corrects rounding errors: prompts would differ from the other languages' ones.
    total = 0.0
    for entry in counted:
        total += entry.weight
    return [(entry.module, half_up(entry.weight / total * 100)) for entry in counted]


def half_up(number):
    """Rounds a half up, where `round` goes to the even neighbor."""
    whole = int(number)
    return whole + (number - whole >= 0.5)


class SelfTest(exports.SelfTest):
    """What has to hold before the host lets this build serve a turn."""

    def run(self):
        return [
            Problem(severity=Severity.ERROR, path=None, message=f"this does not hold: {name}")
            for name, holds in CASES.items()
            if not holds()
        ]


def shares_are_whole():
    mix = [ModuleWeight("todo", 0.2), ModuleWeight("moon", 0.0), ModuleWeight("notes", 0.1)]
    return mix_in_percent(mix) == [("todo", 67), ("notes", 33)]


def words_around_do_no_harm():
    reply = 'Sure! {"ratings":[{"module":"todo","rating":4},{"module":"notes","rating":9}]} Bye.'
    report = read_ratings(reply, ["todo", "notes"])
    return [rating.score for rating in report.ratings] == [4] and len(report.problems) == 1


def nothing_to_read_is_a_failure():
    try:
        read_ratings("It was fine.", ["todo"])
    except Err as error:
        return error.value.kind == FailureKind.OUTPUT
    return False


CASES = {
    "shares are shown in whole percent, without those of weight 0": shares_are_whole,
    "a rating with words around it is read, and a bad one beside it does no harm": words_around_do_no_harm,
    "a reply without ratings is a failure of kind output": nothing_to_read_is_a_failure,
}
