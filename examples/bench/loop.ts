// The loop: for each line on standard input one tick, which is a turn for everybody who is due, so many at once. How it
// went is a line on standard output. It takes the daemon's own variables, and keeps nothing.

import Anthropic from "@anthropic-ai/sdk";
import { createInterface } from "node:readline";

import { Mana, type Persona } from "./mana.ts";
import { Turn } from "./turn.ts";

const mana = new Mana({
  url: variable("MANA_AUTH_URL"),
  serviceKey: variable("MANA_SERVICE_KEY"),
  seedSecret: variable("PERSONA_SEED_SECRET"),
});
const claude = new Anthropic({ baseURL: variable("ANTHROPIC_BASE_URL"), apiKey: variable("ANTHROPIC_API_KEY") });
const tools = new URL(`${variable("MANA_MCP_URL")}/mcp`);
const atOnce = Number(variable("PERSONA_CONCURRENCY"));

for await (const _line of createInterface({ input: process.stdin })) {
  console.log(JSON.stringify(await tick()));
}

/** A turn for everybody who is due. A place that comes free is taken at once. */
async function tick() {
  const { personas, today } = await mana.due();
  const waiting = personas.values();
  const failed: string[] = [];
  let ran = 0;
  const place = async () => {
    for (const persona of waiting) {
      try {
        await live(persona, today);
        ran += 1;
      } catch (error) {
        failed.push(`${persona.email}: ${error}`);
      }
    }
  };
  await Promise.all(Array.from({ length: atOnce }, place));
  return { due: personas.length, ran, failed };
}

/** A persona's turn: sign in, act, rate, deliver. */
async function live(persona: Persona, today: string) {
  const account = await mana.signIn(persona.email);
  const turn = new Turn(claude, persona, today);
  const actions = await turn.act(tools, account);
  await mana.deliver(persona, "actions", actions);
  const feedback = await turn.rate(actions);
  await mana.deliver(persona, "feedback", feedback);
}

function variable(name: string): string {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set: \`cargo bench --bench turn -- --beside\` sets it`);
  return value;
}
