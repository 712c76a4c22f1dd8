// The questions of a turn, in the words of the daemon's own plugin (`plugins/daily`), so that requests are as long.

import type { ActionRow, Persona } from "./mana.ts";

/** What the answer to the second question has to be. */
export const REPLY_SCHEMA = {
  type: "object",
  additionalProperties: false,
  required: ["ratings"],
  properties: {
    ratings: {
      type: "array",
      items: {
        type: "object",
        additionalProperties: false,
        required: ["module", "rating", "notes"],
        properties: {
          module: { type: "string" },
          rating: { type: "integer", enum: [1, 2, 3, 4, 5] },
          notes: { type: "string" },
        },
      },
    },
  },
};

export function dayPrompt(persona: Persona, today: string): string {
  const weights = Object.entries(persona.moduleMix);
  const sum = weights.reduce((all, [, weight]) => all + weight, 0);
  const shares = weights.map(([module, weight]) => `${module} ${Math.round((weight / sum) * 100)} %`).join(", ");
  return `Heute ist der ${today}. Verbringe einen kurzen Tag in deiner Mana-App. Die Werkzeuge, \
die dir hier zur Verfügung stehen, sind deine App, und was du damit anlegst oder änderst, gehört wirklich dir.

Sieh nach, was schon da ist, und tu dann, was du an einem Tag wie diesem tatsächlich tun würdest: konkret, in deinen \
eigenen Worten und so gründlich oder flüchtig, wie es deine Art ist.

Diese Bereiche liegen dir, und ungefähr so verteilst du deine Zeit: ${shares}.

Nutze insgesamt 3 bis 8 Werkzeuge. Klappt etwas nicht, reagiere so, wie du es im Alltag tätest; erfinde keine \
Ergebnisse.

Schließe mit ein bis zwei Sätzen darüber ab, was du heute in der App gemacht hast und wie es dir damit ging.`;
}

export function ratingPrompt(modules: string[], actions: ActionRow[]): string {
  const done = actions.map(({ toolName, result }) => {
    return `\n- ${toolName}: ${result === "ok" ? "hat geklappt" : "ist fehlgeschlagen"}`;
  });
  return `Dein Tag in der Mana-App ist vorbei. Diese Bereiche hast du benutzt: ${modules.join(", ")}.

Das hast du getan:${done.join("")}

Bewerte jeden dieser Bereiche aus deiner Sicht mit einer ganzen Zahl von 1 bis 5. 1 heißt: er hat dich Nerven gekostet. \
3 heißt: er war brauchbar. 5 heißt: er hilft dir wirklich. Sei ehrlich und nicht höflich. Begründe jede Zahl in einem \
Satz, der sagt, woran es lag.

Antworte ausschließlich mit JSON in genau dieser Form, ohne Text davor oder danach:
{"ratings":[{"module":"<Bereich>","rating":<1 bis 5>,"notes":"<ein Satz>"}]}`;
}
