// What a persona is asked to do, what it is asked to rate, and how its reply is read.
//
// Every call runs in a fresh instance: what the next turn should know goes into `memory`, not into a
// variable. There is no `console`, and neither the clock nor the random numbers are real; use
// `ctx.nowMs` and `ctx.seed`.

import { readRatings } from "./rating.js";

const SETTINGS_SCHEMA = {
  $schema: "https://json-schema.org/draft/2020-12/schema",
  type: "object",
  additionalProperties: false,
  properties: {
    minutes: {
      description: "How many minutes the persona is told to have",
      type: "integer",
      minimum: 1,
      maximum: 60,
      default: 5,
    },
  },
};

export const behavior = {
  describe() {
    return {
      name: "brief-js",
      version: "0.1.0",
      summary: "Two or three tools, few words",
      settingsSchema: JSON.stringify(SETTINGS_SCHEMA),
      extras: [],
    };
  },

  // The host has held the settings to the schema already; here goes what a schema cannot say.
  checkSettings(settings) {
    return [];
  },

  composeTurn(who, ctx, settings) {
    // The host does not fill in the defaults of the schema.
    const { minutes = 5 } = JSON.parse(settings);
    const mix = mixInPercent(who).map(([module, percent]) => `${module} ${percent} %`);
    const favorites = mix.length === 0 ? "" : ` You like: ${mix.join(", ")}.`;
    return {
      system: who.systemPrompt,
      user:
        `It is ${ctx.localDate}. You have ${minutes} minutes for your Mana app; the tools are the app.` +
        `${favorites} Do the two or three things that matter to you now, then stop and say in one ` +
        "sentence what you did.",
      allowedTools: null,
      maxRounds: 6,
      extras: [],
    };
  },

  composeRating(who, ctx, outcome, settings) {
    const example = outcome.modulesUsed.map((module) => `{"module":"${module}","rating":N,"notes":"why"}`);
    return {
      system: who.systemPrompt,
      user:
        `You just used ${outcome.modulesUsed.join(", ")}. Would you use it again tomorrow? Replace each N by ` +
        "1 (no, it annoyed me) up to 5 (yes, gladly), give the reason in a few words, and reply with this " +
        `JSON only: {"ratings":[${example.join(",")}]}`,
      extras: [],
    };
  },

  // A failure is thrown as the plain record: `throw { kind: "skip", code: null, message: "…", detail: null }`.
  // An Error that is thrown is taken for a bug of the plugin.
  parseRating(who, ctx, outcome, reply, settings) {
    return readRatings(reply, outcome.modulesUsed);
  },
};

/** The module mix in whole percent of its sum. What has no weight is left out. */
function mixInPercent(who) {
  const counted = who.moduleMix.filter(({ weight }) => Number.isFinite(weight) && weight > 0);
  const sum = counted.reduce((total, { weight }) => total + weight, 0);
  return counted.map(({ module, weight }) => [module, Math.round((weight / sum) * 100)]);
}

// What has to hold before the host lets this build serve a turn.
const CASES = {
  "shares are shown in whole percent, without those of weight 0"() {
    const moduleMix = [
      { module: "todo", weight: 0.2 },
      { module: "moon", weight: 0 },
      { module: "notes", weight: 0.1 },
    ];
    return String(mixInPercent({ moduleMix })) === "todo,67,notes,33";
  },
  "a rating with words around it is read, and a bad one beside it does no harm"() {
    const reply = 'Sure! {"ratings":[{"module":"todo","rating":4},{"module":"notes","rating":9}]} Bye.';
    const { ratings, problems } = readRatings(reply, ["todo", "notes"]);
    return ratings.length === 1 && ratings[0].score === 4 && problems.length === 1;
  },
  "a reply without ratings is a failure of kind output"() {
    try {
      readRatings("It was fine.", ["todo"]);
      return false;
    } catch (failure) {
      return failure.kind === "output";
    }
  },
};

export const selfTest = {
  run() {
    return Object.entries(CASES)
      .filter(([, holds]) => !holds())
      .map(([name]) => ({ severity: "error", path: null, message: `this does not hold: ${name}` }));
  },
};
