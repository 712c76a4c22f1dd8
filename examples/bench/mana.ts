// What the loop asks of mana-auth: who is due, an account with its space and its vault, and to take rows.

import { createHmac } from "node:crypto";

export interface Persona {
  userId: string;
  email: string;
  systemPrompt: string;
  moduleMix: Record<string, number>;
}

/** What tools are called with. */
export interface Account {
  jwt: string;
  space: string;
}

export interface ActionRow {
  tickId: string;
  toolName: string;
  inputHash: string;
  result: "ok" | "error";
  errorMessage?: string;
  latencyMs: number;
}

export interface FeedbackRow {
  tickId: string;
  module: string;
  rating: number;
  notes?: string;
}

interface Options {
  url: string;
  serviceKey: string;
  seedSecret: string;
}

export class Mana {
  /** The session cookie of each persona. It outlives many turns, also in the daemon. */
  private readonly cookies = new Map<string, string>();

  constructor(private readonly options: Options) {}

  /** Who is due, and the date there. */
  async due(): Promise<{ personas: Persona[]; today: string }> {
    const { personas, serverTime } = await this.json("/api/v1/internal/personas/due", { headers: this.key() });
    return { personas, today: serverTime.slice(0, 10) };
  }

  async signIn(email: string): Promise<Account> {
    const { cookie, jwt } = await this.session(email);
    const spaces = await this.json("/api/auth/organization/list", { headers: { cookie } });
    const space = spaces.find((own: { metadata?: { type?: string } }) => own.metadata?.type === "personal") ?? spaces[0];
    await this.openVault(jwt);
    return { jwt, space: space.id };
  }

  async deliver(persona: Persona, kind: "actions" | "feedback", rows: ActionRow[] | FeedbackRow[]) {
    if (rows.length === 0) return;
    const path = `/api/v1/internal/personas/${encodeURIComponent(persona.userId)}/${kind}`;
    const { ok } = await this.json(path, post({ [kind]: rows }, this.key()));
    if (ok !== true) throw new Error(`${path} did not acknowledge the rows`);
  }

  private async session(email: string) {
    const kept = this.cookies.get(email);
    if (kept) {
      const answer = await this.ask("/api/auth/token", { headers: { cookie: kept } });
      if (answer.ok) return { cookie: kept, jwt: (await answer.json()).token };
      await answer.text();
    }
    const credentials = { email, password: password(this.options.seedSecret, email) };
    const opened = await this.accepted("/api/auth/sign-in/email", post(credentials));
    await opened.text();
    const cookie = opened.headers.getSetCookie().map((set) => set.split(";", 1)[0]).join("; ");
    this.cookies.set(email, cookie);
    const { token } = await this.json("/api/auth/token", { headers: { cookie } });
    return { cookie, jwt: token };
  }

  private async openVault(jwt: string) {
    const headers = { authorization: `Bearer ${jwt}` };
    const { vaultExists } = await this.json("/api/v1/me/encryption-vault/status", { headers });
    if (!vaultExists) await this.json("/api/v1/me/encryption-vault/init", { method: "POST", headers });
  }

  private key() {
    return { "x-service-key": this.options.serviceKey };
  }

  private async json(path: string, init: RequestInit): Promise<any> {
    return (await this.accepted(path, init)).json();
  }

  private async accepted(path: string, init: RequestInit): Promise<Response> {
    const answer = await this.ask(path, init);
    if (!answer.ok) throw new Error(`${path}: HTTP ${answer.status}: ${await answer.text()}`);
    return answer;
  }

  private ask(path: string, init: RequestInit): Promise<Response> {
    return fetch(`${this.options.url}${path}`, init);
  }
}

function post(body: unknown, headers: Record<string, string> = {}): RequestInit {
  return { method: "POST", headers: { ...headers, "content-type": "application/json" }, body: JSON.stringify(body) };
}

/** Contract 1: an HMAC of the address, letters and digits of its base64, 32 of them. */
function password(seedSecret: string, email: string): string {
  const digest = createHmac("sha256", seedSecret).update(email).digest("base64");
  return digest.replace(/[^A-Za-z0-9]/g, "").slice(0, 32);
}
