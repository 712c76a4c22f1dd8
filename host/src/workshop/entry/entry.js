// Written by `plugin build`. It stands between the contract and src/plugin.js: what the author's
// functions return or throw is held to the contract here, so that a mistake is named by function and
// field. The engine would convert it silently, or break down without a word on where it was.

import * as author from "../../src/plugin.js";

const FILE = "src/plugin.js";
const MAX_U8 = 255;
const MAX_U32 = 4294967295;
// How much of an error is told: the host keeps the end of what is printed, and the words stand first.
const MAX_WORDS = 2000;
const MAX_FRAMES = 10;

// A shape looks at a value, and throws a sentence about the first thing that is wrong with it.

const text = (value, place) => {
  if (typeof value !== "string") wrong(place, "a text", value);
  if (!value.isWellFormed()) throw mistake(`${place} holds half a character (a lone surrogate)`);
};

const whole = (most) => (value, place) => {
  if (!Number.isInteger(value) || value < 0 || value > most) {
    wrong(place, `a whole number from 0 to ${most}`, value);
  }
};

const oneOf = (...words) => (value, place) => {
  if (!words.includes(value)) wrong(place, `one of ${words.map((word) => `"${word}"`).join(", ")}`, value);
};

const option = (shape) => (value, place) => {
  if (value !== undefined && value !== null) shape(value, place);
};

const list = (shape) => (value, place) => {
  if (!Array.isArray(value)) wrong(place, "a list", value);
  value.forEach((entry, index) => shape(entry, `${place}[${index}]`));
};

const pair = (first, second) => (value, place) => {
  if (!Array.isArray(value) || value.length !== 2) wrong(place, "a list of name and value", value);
  first(value[0], `${place}[0]`);
  second(value[1], `${place}[1]`);
};

const record = (name, fields) => (value, place) => {
  const names = Object.keys(fields).join(", ");
  if (typeof value !== "object" || value === null || Array.isArray(value) || value instanceof Promise) {
    wrong(place, `a ${name} (an object with ${names})`, value);
  }
  for (const field of Object.keys(value)) {
    // A field that is misspelled would be taken for one that was left out.
    if (!Object.hasOwn(fields, field)) {
      throw mistake(`${place} has a field ${field}, which a ${name} has not; it has ${names}`);
    }
  }
  for (const [field, shape] of Object.entries(fields)) shape(value[field], `${place}.${field}`);
};

// The records that a plugin hands over, as wit/behavior.wit has them. A test compares.

const json = text;
const extras = list(pair(text, json));
const severity = oneOf("info", "warning", "error");
const failureKind = oneOf("settings", "input", "output", "skip", "internal");
const descriptor = record("descriptor", {
  name: text,
  version: text,
  summary: text,
  settingsSchema: option(json),
  extras: extras,
});
const problem = record("problem", {
  severity: severity,
  path: option(text),
  message: text,
});
const turnRequest = record("turn-request", {
  system: text,
  user: text,
  allowedTools: option(list(text)),
  maxRounds: option(whole(MAX_U32)),
  extras: extras,
});
const ratingRequest = record("rating-request", {
  system: text,
  user: text,
  extras: extras,
});
const rating = record("rating", {
  module: text,
  score: whole(MAX_U8),
  notes: option(text),
});
const ratingReport = record("rating-report", {
  ratings: list(rating),
  problems: list(problem),
  memory: option(json),
  extras: extras,
});
const failure = record("failure", {
  kind: failureKind,
  code: option(text),
  message: text,
  detail: option(json),
});

// Each function with what it returns, and with what it may throw on purpose.

const INTERFACES = {
  behavior: {
    describe: [descriptor],
    checkSettings: [list(problem)],
    composeTurn: [turnRequest, failure],
    composeRating: [ratingRequest, failure],
    parseRating: [ratingReport, failure],
  },
  selfTest: {
    run: [list(problem)],
  },
};

export const behavior = held("behavior");
export const selfTest = WITH_SELF_TEST ? held("selfTest") : undefined;

/** The functions of an interface of the author's. What is not there is found while this is built. */
function held(name) {
  const own = author[name];
  if (typeof own !== "object" || own === null) {
    const exported = Object.keys(author).join(", ") || "nothing";
    throw mistake(`${FILE} has no \`export const ${name} = { … }\`; it exports ${exported}`);
  }
  const missing = Object.keys(INTERFACES[name]).filter((call) => typeof own[call] !== "function");
  if (missing.length > 0) {
    const there = Object.keys(own).join(", ") || "nothing";
    throw mistake(`${FILE}: ${name} lacks the function ${missing.join(", ")}; it has ${there}`);
  }
  const calls = Object.entries(INTERFACES[name]);
  return Object.fromEntries(calls.map(([call, shapes]) => [call, heldCall(own, call, ...shapes)]));
}

function heldCall(own, call, answer, refusal) {
  return (...given) => {
    let value;
    try {
      value = own[call](...given);
    } catch (thrown) {
      throw heldThrown(thrown, call, refusal);
    }
    answer(value, `${call}()`);
    return value;
  };
}

/** What was thrown, if it is a failure and the function may fail; else an error that tells it. */
function heldThrown(thrown, call, refusal) {
  const isError = thrown instanceof Error;
  if (isError && (refusal === undefined || thrown.payload === undefined)) return told(thrown);
  if (refusal === undefined) {
    return mistake(`${call} threw ${shown(thrown)}, and cannot fail: it returns what it has to say`);
  }
  try {
    // The engine takes the failure of an error from there.
    refusal(isError ? thrown.payload : thrown, `the failure that ${call} threw`);
  } catch (found) {
    return isError ? found : mistake(`${found.message}. It threw ${shown(thrown)}`);
  }
  return thrown;
}

/** An author's error: its words, and where it was in the author's files. */
function told(error) {
  const frames = String(error.stack).split("\n").filter((frame) => !frame.includes("/.persona-host/"));
  const words = clipped(`${error.name}: ${error.message}`, MAX_WORDS);
  return Object.assign(new Error(words), { stack: frames.slice(0, MAX_FRAMES).join("\n") });
}

/** An error that says everything in its words: where it was thrown is in this file. */
function mistake(words) {
  return Object.assign(new TypeError(words), { stack: "" });
}

function wrong(place, expected, value) {
  throw mistake(`${place} has to be ${expected}; it is ${shown(value)}`);
}

/** A value for a message: its kind, and how it begins. */
function shown(value) {
  if (value === undefined) return "missing (undefined)";
  if (value === null) return "null";
  if (value instanceof Promise) return "a promise: an async function cannot answer";
  if (typeof value === "function") return "a function";
  if (typeof value === "bigint") return `the BigInt ${value}`;
  if (typeof value === "number") return `the number ${value}`;
  if (typeof value === "string") return `the text ${clipped(JSON.stringify(value))}`;
  if (typeof value === "object") return clipped(written(value));
  return String(value);
}

function written(value) {
  try {
    return JSON.stringify(value);
  } catch {
    return Array.isArray(value) ? "a list" : "an object";
  }
}

function clipped(text, most = 120) {
  const characters = [...text];
  return characters.length > most ? `${characters.slice(0, most).join("")}…` : text;
}
