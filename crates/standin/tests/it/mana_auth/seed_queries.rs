//! The seed's two queries, word for word, and what outlives a restart.

use reqwest::Method;
use serde_json::json;
use standin::DatabaseUrl;

use crate::neighbours::{Neighbours, email, password};
use peers::postgres;

const ACTIONS: &str =
    "SELECT persona_id, tool_name, result FROM auth.persona_actions ORDER BY created_at DESC LIMIT 20;";
const FEEDBACK: &str =
    "SELECT persona_id, module, rating, notes FROM auth.persona_feedback ORDER BY created_at DESC LIMIT 20;";

async fn deliver(world: &Neighbours) -> String {
    let kai = world.persona("kai", "daily").await;
    let actions = json!({"actions": [{"tickId": "t", "toolName": "habits.create", "result": "ok"}]});
    let feedback = json!({"feedback": [{"tickId": "t", "module": "habits", "rating": 4, "notes": "gut"}]});
    for (kind, body) in [("actions", actions), ("feedback", feedback)] {
        let answer = world.runner(Method::POST, &format!("/{kai}/{kind}"), &body.to_string()).await;
        assert_eq!(answer.status, 200, "{answer:?}");
    }
    kai
}

#[tokio::test]
async fn psql_finds_the_rows_with_the_queries_of_the_seed() {
    let Some(database) = postgres::database() else { return };
    let world = Neighbours::start(database.url().parse().unwrap(), |_| ()).await;
    let kai = deliver(&world).await;
    assert_eq!(database.psql(ACTIONS), format!("{kai}|habits.create|ok\n"));
    assert_eq!(database.psql(FEEDBACK), format!("{kai}|habits|4|gut\n"));
}

#[tokio::test]
async fn sqlite_answers_the_same_queries() {
    let world = Neighbours::in_memory().await;
    let kai = deliver(&world).await;
    let row = world.stack.database().row(ACTIONS, &[]).await.unwrap().unwrap();
    assert_eq!(
        (row.text("persona_id").unwrap(), row.text("tool_name").unwrap()),
        (kai, "habits.create".to_owned())
    );
    let row = world.stack.database().row(FEEDBACK, &[]).await.unwrap().unwrap();
    assert_eq!((row.integer("rating").unwrap(), row.text("notes").unwrap()), (4, "gut".to_owned()));
}

#[tokio::test]
async fn the_tables_have_the_documented_columns_and_indexes() {
    let Some(database) = postgres::database() else { return };
    let _world = Neighbours::start(database.url().parse().unwrap(), |_| ()).await;
    let columns = "SELECT column_name, data_type, is_nullable, column_default
                   FROM information_schema.columns WHERE table_schema = 'auth' AND table_name = 'TABLE'
                   ORDER BY ordinal_position";
    for (table, expected) in [
        (
            "personas",
            "user_id|text|NO|\narchetype|text|NO|\nsystem_prompt|text|NO|\nmodule_mix|jsonb|NO|\n\
             tick_cadence|text|NO|'daily'::text\nlast_active_at|timestamp with time zone|YES|\n\
             created_at|timestamp with time zone|NO|now()\n",
        ),
        (
            "persona_actions",
            "id|text|NO|\npersona_id|text|NO|\ntick_id|text|NO|\ntool_name|text|NO|\ninput_hash|text|YES|\n\
             result|text|NO|\nerror_message|text|YES|\nlatency_ms|integer|YES|\n\
             created_at|timestamp with time zone|NO|now()\n",
        ),
        (
            "persona_feedback",
            "id|text|NO|\npersona_id|text|NO|\ntick_id|text|NO|\nmodule|text|NO|\nrating|smallint|NO|\n\
             notes|text|YES|\ncreated_at|timestamp with time zone|NO|now()\n",
        ),
    ] {
        assert_eq!(database.psql(&columns.replace("TABLE", table)), expected, "{table}");
    }
    let indexes = "SELECT indexname FROM pg_indexes WHERE schemaname = 'auth' AND tablename LIKE 'persona%'
                   AND indexname LIKE '%idx' ORDER BY indexname";
    assert_eq!(
        database.psql(indexes),
        "persona_actions_persona_idx\npersona_actions_tick_idx\npersona_feedback_module_idx\n\
         persona_feedback_persona_idx\npersonas_archetype_idx\n"
    );
    assert_eq!(database.psql("SELECT enum_range(NULL::auth.user_kind)"), "{human,persona,system}\n");
}

#[tokio::test]
async fn accounts_and_tokens_outlive_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let file = DatabaseUrl::File(folder.path().join("stack.db"));
    check_restart(file).await;
    if let Some(database) = postgres::database() {
        check_restart(database.url().parse().unwrap()).await;
    }
}

async fn check_restart(url: DatabaseUrl) {
    let before = Neighbours::start(url.clone(), |_| ()).await;
    let kai = deliver(&before).await;
    let jwt = before.jwt("kai").await;
    let jwks = before.auth(Method::GET, "/api/auth/jwks", &[], "").await.body;
    before.stack.stop().await;

    let after = Neighbours::start(url, |_| ()).await;
    assert_eq!(after.login(&email("kai"), &password("kai")).await.body["user"]["id"], json!(kai));
    assert_eq!(after.auth(Method::GET, "/api/auth/jwks", &[], "").await.body, jwks);
    let headers = [("authorization", &*format!("Bearer {jwt}")), ("x-mana-space", "s")];
    let answer = after.mcp(Method::GET, "/mcp", &headers, "").await;
    assert_eq!(answer.status, 400, "the old token passes: only the session is missing");
}
