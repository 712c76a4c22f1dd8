-- The stand-ins' tables in PostgreSQL: schema `auth` as mana-auth documents it (contract 6), and
-- mana-mcp's own records beside it. Run at every start, so each statement may be repeated.

CREATE SCHEMA IF NOT EXISTS auth;

DO $$ BEGIN
    CREATE TYPE auth.user_kind AS ENUM ('human', 'persona', 'system');
EXCEPTION WHEN duplicate_object THEN NULL;
END $$;

CREATE TABLE IF NOT EXISTS auth.users (
    id text PRIMARY KEY,
    name text NOT NULL,
    email text NOT NULL UNIQUE,
    email_verified boolean NOT NULL DEFAULT false,
    image text,
    role text NOT NULL DEFAULT 'user',
    access_tier text NOT NULL DEFAULT 'public',
    kind auth.user_kind NOT NULL DEFAULT 'human',
    two_factor_enabled boolean NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    deleted_at timestamptz
);

CREATE TABLE IF NOT EXISTS auth.accounts (
    id text PRIMARY KEY,
    user_id text NOT NULL REFERENCES auth.users (id) ON DELETE CASCADE,
    provider_id text NOT NULL,
    password text,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX IF NOT EXISTS accounts_user_idx ON auth.accounts (user_id);

CREATE TABLE IF NOT EXISTS auth.sessions (
    id text PRIMARY KEY,
    token text NOT NULL UNIQUE,
    user_id text NOT NULL REFERENCES auth.users (id) ON DELETE CASCADE,
    expires_at timestamptz NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX IF NOT EXISTS sessions_user_idx ON auth.sessions (user_id);

CREATE TABLE IF NOT EXISTS auth.login_attempts (
    id text PRIMARY KEY,
    email text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX IF NOT EXISTS login_attempts_email_idx ON auth.login_attempts (email, created_at);

CREATE TABLE IF NOT EXISTS auth.jwks (
    id text PRIMARY KEY,
    public_key text NOT NULL,
    private_key text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE IF NOT EXISTS auth.organizations (
    id text PRIMARY KEY,
    name text NOT NULL,
    slug text NOT NULL UNIQUE,
    logo text,
    metadata jsonb,
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE IF NOT EXISTS auth.members (
    id text PRIMARY KEY,
    organization_id text NOT NULL REFERENCES auth.organizations (id) ON DELETE CASCADE,
    user_id text NOT NULL REFERENCES auth.users (id) ON DELETE CASCADE,
    role text NOT NULL DEFAULT 'member',
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX IF NOT EXISTS members_user_idx ON auth.members (user_id);

CREATE TABLE IF NOT EXISTS auth.encryption_vaults (
    user_id text PRIMARY KEY REFERENCES auth.users (id) ON DELETE CASCADE,
    master_key text NOT NULL,
    kek_id text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE IF NOT EXISTS auth.personas (
    user_id text PRIMARY KEY REFERENCES auth.users (id) ON DELETE CASCADE,
    archetype text NOT NULL,
    system_prompt text NOT NULL,
    module_mix jsonb NOT NULL,
    tick_cadence text NOT NULL DEFAULT 'daily',
    last_active_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX IF NOT EXISTS personas_archetype_idx ON auth.personas (archetype);

CREATE TABLE IF NOT EXISTS auth.persona_actions (
    id text PRIMARY KEY,
    persona_id text NOT NULL REFERENCES auth.personas (user_id) ON DELETE CASCADE,
    tick_id text NOT NULL,
    tool_name text NOT NULL,
    input_hash text,
    result text NOT NULL,
    error_message text,
    latency_ms integer,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX IF NOT EXISTS persona_actions_persona_idx ON auth.persona_actions (persona_id, created_at);
CREATE INDEX IF NOT EXISTS persona_actions_tick_idx ON auth.persona_actions (tick_id);

CREATE TABLE IF NOT EXISTS auth.persona_feedback (
    id text PRIMARY KEY,
    persona_id text NOT NULL REFERENCES auth.personas (user_id) ON DELETE CASCADE,
    tick_id text NOT NULL,
    module text NOT NULL,
    rating smallint NOT NULL,
    notes text,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX IF NOT EXISTS persona_feedback_module_idx ON auth.persona_feedback (module, created_at);
CREATE INDEX IF NOT EXISTS persona_feedback_persona_idx ON auth.persona_feedback (persona_id, created_at);

CREATE TABLE IF NOT EXISTS mana_records (
    id text PRIMARY KEY,
    user_id text NOT NULL,
    space_id text NOT NULL,
    collection text NOT NULL,
    position integer NOT NULL,
    data jsonb NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX IF NOT EXISTS mana_records_owner_idx ON mana_records (user_id, space_id, collection, position);
