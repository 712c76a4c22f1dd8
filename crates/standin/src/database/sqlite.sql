-- The stand-ins' tables in SQLite. The file is attached under the name `auth`, so that
-- `auth.persona_actions` is the same table here and in PostgreSQL and one SQL text serves both.
-- Instants are text, RFC 3339 in UTC with milliseconds: their order as text is their order in time.
-- Run at every start, so each statement may be repeated.

CREATE TABLE IF NOT EXISTS auth.users (
    id text PRIMARY KEY,
    name text NOT NULL,
    email text NOT NULL UNIQUE,
    email_verified boolean NOT NULL DEFAULT false,
    image text,
    role text NOT NULL DEFAULT 'user',
    access_tier text NOT NULL DEFAULT 'public',
    kind text NOT NULL DEFAULT 'human' CHECK (kind IN ('human', 'persona', 'system')),
    two_factor_enabled boolean NOT NULL DEFAULT false,
    created_at text NOT NULL,
    updated_at text NOT NULL,
    deleted_at text
);

CREATE TABLE IF NOT EXISTS auth.accounts (
    id text PRIMARY KEY,
    user_id text NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    provider_id text NOT NULL,
    password text,
    created_at text NOT NULL
);
CREATE INDEX IF NOT EXISTS auth.accounts_user_idx ON accounts (user_id);

CREATE TABLE IF NOT EXISTS auth.sessions (
    id text PRIMARY KEY,
    token text NOT NULL UNIQUE,
    user_id text NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    expires_at text NOT NULL,
    created_at text NOT NULL
);
CREATE INDEX IF NOT EXISTS auth.sessions_user_idx ON sessions (user_id);

CREATE TABLE IF NOT EXISTS auth.login_attempts (
    id text PRIMARY KEY,
    email text NOT NULL,
    created_at text NOT NULL
);
CREATE INDEX IF NOT EXISTS auth.login_attempts_email_idx ON login_attempts (email, created_at);

CREATE TABLE IF NOT EXISTS auth.jwks (
    id text PRIMARY KEY,
    public_key text NOT NULL,
    private_key text NOT NULL,
    created_at text NOT NULL
);

CREATE TABLE IF NOT EXISTS auth.organizations (
    id text PRIMARY KEY,
    name text NOT NULL,
    slug text NOT NULL UNIQUE,
    logo text,
    metadata text,
    created_at text NOT NULL
);

CREATE TABLE IF NOT EXISTS auth.members (
    id text PRIMARY KEY,
    organization_id text NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    user_id text NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    role text NOT NULL DEFAULT 'member',
    created_at text NOT NULL
);
CREATE INDEX IF NOT EXISTS auth.members_user_idx ON members (user_id);

CREATE TABLE IF NOT EXISTS auth.encryption_vaults (
    user_id text PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    master_key text NOT NULL,
    kek_id text NOT NULL,
    created_at text NOT NULL
);

CREATE TABLE IF NOT EXISTS auth.personas (
    user_id text PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    archetype text NOT NULL,
    system_prompt text NOT NULL,
    module_mix text NOT NULL,
    tick_cadence text NOT NULL DEFAULT 'daily',
    last_active_at text,
    created_at text NOT NULL
);
CREATE INDEX IF NOT EXISTS auth.personas_archetype_idx ON personas (archetype);

CREATE TABLE IF NOT EXISTS auth.persona_actions (
    id text PRIMARY KEY,
    persona_id text NOT NULL REFERENCES personas (user_id) ON DELETE CASCADE,
    tick_id text NOT NULL,
    tool_name text NOT NULL,
    input_hash text,
    result text NOT NULL,
    error_message text,
    latency_ms integer,
    created_at text NOT NULL
);
CREATE INDEX IF NOT EXISTS auth.persona_actions_persona_idx ON persona_actions (persona_id, created_at);
CREATE INDEX IF NOT EXISTS auth.persona_actions_tick_idx ON persona_actions (tick_id);

CREATE TABLE IF NOT EXISTS auth.persona_feedback (
    id text PRIMARY KEY,
    persona_id text NOT NULL REFERENCES personas (user_id) ON DELETE CASCADE,
    tick_id text NOT NULL,
    module text NOT NULL,
    rating integer NOT NULL,
    notes text,
    created_at text NOT NULL
);
CREATE INDEX IF NOT EXISTS auth.persona_feedback_module_idx ON persona_feedback (module, created_at);
CREATE INDEX IF NOT EXISTS auth.persona_feedback_persona_idx ON persona_feedback (persona_id, created_at);

CREATE TABLE IF NOT EXISTS auth.mana_records (
    id text PRIMARY KEY,
    user_id text NOT NULL,
    space_id text NOT NULL,
    collection text NOT NULL,
    position integer NOT NULL,
    data text NOT NULL,
    created_at text NOT NULL
);
CREATE INDEX IF NOT EXISTS auth.mana_records_owner_idx ON mana_records (user_id, space_id, collection, position);
