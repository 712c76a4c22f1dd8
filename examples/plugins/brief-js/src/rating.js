// Reads ratings out of whatever a model wrote.
//
// Looked for is a JSON object with a list `ratings`, anywhere in the reply. The last one counts,
// because models correct themselves; a list that breaks off is read as far as it goes. Of an entry
// are accepted a `module` that was used, a `rating` that is 1, 2, 3, 4 or 5 (4.0 is 4, "4" is not),
// and `notes`. What is not accepted is left out, with a problem that says where it stands.

const MAX_NOTES = 1000;
// How many opening braces are tried, and how deep nesting may go, so that a reply of nothing but
// brackets costs little.
const MAX_CANDIDATES = 100;
const MAX_DEPTH = 127;

/** A rating report, or a thrown failure of kind `output` if there is nothing to read. */
export function readRatings(reply, modules) {
  const problems = [];
  const ratings = readEntries(findEntries(reply, problems), modules, problems);
  return { ratings, problems, memory: null, extras: [] };
}

/** The entries of the list that counts. */
function findEntries(reply, problems) {
  const candidates = objectsWithRatings(reply);
  if (candidates.length === 0) return salvage(reply, problems);
  const list = candidates.at(-1).ratings;
  if (!Array.isArray(list)) throw output("no-list", `"ratings" is ${kind(list)}, not a list`);
  if (candidates.length > 1) {
    const message = `the reply holds ${candidates.length} objects with ratings; the last one was read`;
    problems.push({ severity: "info", path: null, message });
  }
  return list;
}

/** Every JSON object in a text that holds `ratings`, from left to right; not those inside of these. */
function objectsWithRatings(text) {
  const found = [];
  const opening = /\{\s*"/g;
  for (let tried = 0; tried < MAX_CANDIDATES; tried += 1) {
    const brace = opening.exec(text);
    if (brace === null) break;
    opening.lastIndex = brace.index + 1;
    const read = valueAt(text, brace.index);
    if (read === null || !Object.hasOwn(read.value, "ratings")) continue;
    found.push(read.value);
    opening.lastIndex = read.end;
  }
  return found;
}

/** The readable beginning of a list that breaks off, as when the model ran out of tokens. */
function salvage(reply, problems) {
  const position = reply.lastIndexOf('"ratings"');
  const list = position < 0 ? null : reply.slice(position).match(/^"ratings"\s*:\s*\[([^]*)$/);
  if (!list) {
    const message = `the reply holds no JSON object with "ratings"; it begins: ${beginning(reply)}`;
    throw output("no-ratings", message);
  }
  const entries = [];
  for (let rest = list[1]; ; rest = rest.slice(1)) {
    const read = valueAt(rest, 0);
    if (read === null) break;
    entries.push(read.value);
    rest = rest.slice(read.end).trimStart();
    if (!rest.startsWith(",")) break;
  }
  const message = "the list of ratings is broken from here on; what stands before was read";
  problems.push({ severity: "warning", path: `/ratings/${entries.length}`, message });
  return entries;
}

/** The JSON value at a position and where it ends. JSON.parse does not stop there, so count brackets. */
function valueAt(text, start) {
  // A string (to the end of the text if it breaks off), a bracket, or a word.
  const token = /"[^"\\]*(?:\\.[^"\\]*)*"?|[{}[\]]|[^\s,:"{}[\]]+/g;
  token.lastIndex = start;
  let depth = 0;
  do {
    const found = token.exec(text);
    if (found === null || depth > MAX_DEPTH) return null;
    if ("{[".includes(found[0])) depth += 1;
    if ("}]".includes(found[0])) depth -= 1;
  } while (depth > 0);
  try {
    return { value: JSON.parse(text.slice(start, token.lastIndex), onlySound), end: token.lastIndex };
  } catch {
    return null;
  }
}

/** Half an emoji cannot be handed to the host, and 1e400 is not a number. */
function onlySound(key, value) {
  if (typeof value === "string" && !value.isWellFormed()) throw new SyntaxError("half a character");
  if (typeof value === "number" && !Number.isFinite(value)) throw new SyntaxError("a number too large");
  return value;
}

function readEntries(entries, modules, problems) {
  const ratings = [];
  const mentioned = new Set();
  entries.forEach((entry, index) => {
    const say = (severity, field, message) =>
      problems.push({ severity, path: `/ratings/${index}${field}`, message });
    const module = readModule(entry, modules, say);
    if (module === null) return;
    if (mentioned.has(module)) {
      say("warning", "", `"${module}" is rated more than once; only its first entry counts`);
      return;
    }
    mentioned.add(module);
    const score = readScore(entry, say);
    if (score === null) return;
    ratings.push({ module, score, notes: readNotes(entry, say) });
  });
  for (const module of modules.filter((module) => !mentioned.has(module))) {
    const message = `"${module}" was used, but the reply does not rate it`;
    problems.push({ severity: "warning", path: module, message });
  }
  return ratings;
}

function readModule(entry, modules, say) {
  if (kind(entry) !== "an object") {
    say("error", "", `an entry has to be an object; it is ${kind(entry)}`);
    return null;
  }
  if (typeof entry.module !== "string") {
    say("error", "/module", `the module has to be a text; it is ${kind(entry.module)}`);
    return null;
  }
  const module = entry.module.trim();
  if (modules.includes(module)) return module;
  say("warning", "/module", `"${beginning(module)}" is not among the modules that were used`);
  return null;
}

function readScore({ rating }, say) {
  if ([1, 2, 3, 4, 5].includes(rating)) return rating;
  let what = kind(rating);
  if (typeof rating === "number") what = rating;
  if (typeof rating === "string") what = `the text "${beginning(rating)}"`;
  say("error", "/rating", `a rating has to be 1, 2, 3, 4 or 5; it is ${what}`);
  return null;
}

function readNotes({ notes }, say) {
  if (notes === undefined || notes === null) return null;
  if (typeof notes !== "string") {
    say("warning", "/notes", `the notes have to be a text; they are ${kind(notes)}`);
    return null;
  }
  // By characters: `slice` of a string could cut an emoji in half.
  const characters = [...notes.trim()];
  if (characters.length > MAX_NOTES) say("warning", "/notes", `cut after ${MAX_NOTES} characters`);
  return characters.slice(0, MAX_NOTES).join("") || null;
}

function kind(value) {
  if (value === undefined) return "missing";
  if (value === null) return "null";
  if (Array.isArray(value)) return "a list";
  return { boolean: "true or false", number: "a number", string: "a text", object: "an object" }[typeof value];
}

/** The first 60 characters on one line, for a message. */
function beginning(text) {
  const characters = [...text.trim().replace(/\s+/g, " ")];
  if (characters.length > 60) return `${characters.slice(0, 60).join("")}…`;
  return characters.join("") || "(nothing)";
}

function output(code, message) {
  return { kind: "output", code, message, detail: null };
}
