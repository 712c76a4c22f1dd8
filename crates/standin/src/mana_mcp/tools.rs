//! What each tool does. Arguments have been checked and completed before.

use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::records::Records;
use super::session::Caller;
use crate::database::{Database, DatabaseError, Moment};
use crate::mana_auth::spaces_of;

/// One call by one caller at one time.
pub(super) struct Call<'a> {
    pub(super) database: &'a Database,
    pub(super) caller: &'a Caller,
    pub(super) arguments: &'a Map<String, Value>,
    pub(super) now: Moment,
}

type Answer = Result<Value, DatabaseError>;

impl Call<'_> {
    /// Does what the tool of this name does.
    pub(super) async fn run(&self, tool: &str) -> Answer {
        match tool {
            "habits.create" => self.create_habit().await,
            "habits.list" => self.list_habits().await,
            "habits.update" => self.update_habit().await,
            "habits.archive" => self.archive_habit().await,
            "journal.add" => self.add_journal_entry().await,
            "notes.create" => self.create_note().await,
            "notes.search" => self.search_notes().await,
            "spaces.list" => self.list_spaces().await,
            "todo.create" => self.create_task().await,
            "todo.list" => self.list_tasks().await,
            "todo.complete" => self.complete_task().await,
            other => unreachable!("{other} is not in the catalog"),
        }
    }

    async fn create_habit(&self) -> Answer {
        let fields = ["title", "icon", "color", "targetPerDay", "defaultDuration"];
        let record = self.add("habits", &fields, json!({"order": null, "isArchived": false})).await?;
        Ok(json!({"habit": record}))
    }

    async fn list_habits(&self) -> Answer {
        let with_archived = self.flag("includeArchived");
        let mut habits = self.records("habits").all().await?;
        habits.retain(|habit| with_archived || habit["isArchived"] == false);
        Ok(json!({"habits": habits}))
    }

    async fn update_habit(&self) -> Answer {
        let mut fields = self.arguments.clone();
        fields.shift_remove("id");
        self.change("habits", fields).await
    }

    async fn archive_habit(&self) -> Answer {
        let archived = ("isArchived".to_owned(), self.arguments["archived"].clone());
        self.change("habits", Map::from_iter([archived])).await
    }

    async fn add_journal_entry(&self) -> Answer {
        let words = self.text("content").split_whitespace().count();
        let today = self.now.at().date_naive().to_string();
        let day = self.arguments.get("entryDate").cloned().unwrap_or_else(|| today.into());
        let rest = json!({
            "entryDate": day,
            "mood": self.arguments["mood"],
            "tags": self.arguments["tags"],
            "wordCount": words,
            "isPinned": false,
            "isFavorite": false,
            "isArchived": false,
        });
        Ok(json!({"entry": self.add("journalEntries", &["title", "content"], rest).await?}))
    }

    async fn create_note(&self) -> Answer {
        let fields = ["title", "content", "color", "isPinned"];
        Ok(json!({"note": self.add("notes", &fields, json!({"isArchived": false})).await?}))
    }

    async fn search_notes(&self) -> Answer {
        let (wanted, with_archived) = (self.text("query").to_lowercase(), self.flag("includeArchived"));
        let holds = |note: &Value, field: &str| {
            note[field].as_str().is_some_and(|text| text.to_lowercase().contains(&wanted))
        };
        let mut notes = self.records("notes").all().await?;
        notes.retain(|note| {
            (with_archived || note["isArchived"] == false) && (holds(note, "title") || holds(note, "content"))
        });
        notes.truncate(self.limit());
        Ok(json!({"notes": notes}))
    }

    async fn list_spaces(&self) -> Answer {
        let spaces = spaces_of(self.database, &self.caller.user).await?;
        let shown = |space: &Value| {
            json!({
                "id": space["id"],
                "name": space["name"],
                "slug": space["slug"],
                "type": space["metadata"]["type"],
                "role": "owner",
            })
        };
        let spaces: Vec<Value> = spaces.as_array().into_iter().flatten().map(shown).collect();
        Ok(json!({"spaces": spaces, "activeSpaceId": self.caller.space}))
    }

    async fn create_task(&self) -> Answer {
        let rest = json!({
            "isCompleted": false,
            "completedAt": null,
            "dueDate": self.arguments["dueDate"],
            "order": null,
            "subtasks": [],
        });
        Ok(json!({"task": self.add("tasks", &["title", "description", "priority"], rest).await?}))
    }

    async fn list_tasks(&self) -> Answer {
        let with_completed = self.flag("includeCompleted");
        let mut tasks = self.records("tasks").all().await?;
        tasks.retain(|task| with_completed || task["isCompleted"] == false);
        tasks.truncate(self.limit());
        Ok(json!({"tasks": tasks}))
    }

    async fn complete_task(&self) -> Answer {
        let done = [
            ("isCompleted".to_owned(), Value::Bool(true)),
            ("completedAt".to_owned(), self.now.text().into()),
        ];
        self.change("tasks", Map::from_iter(done)).await
    }

    /// Keeps a new record: its id, the named arguments, then the rest (whose `order`, if it has one, is
    /// its position), then when it was made.
    async fn add(&self, collection: &'static str, fields: &[&str], rest: Value) -> Answer {
        let records = self.records(collection);
        let (id, position) = (Uuid::new_v4().to_string(), records.count().await?);
        let mut record = Map::new();
        record.insert("id".to_owned(), id.as_str().into());
        let given =
            fields.iter().filter_map(|name| Some(((*name).to_owned(), self.arguments.get(*name)?.clone())));
        record.extend(given);
        record.extend(rest.as_object().cloned().into_iter().flatten());
        if let Some(order) = record.get_mut("order") {
            *order = position.into();
        }
        record.insert("createdAt".to_owned(), self.now.text().into());
        record.insert("updatedAt".to_owned(), self.now.text().into());
        let record = Value::Object(record);
        records.add(&id, position, &record, self.now).await?;
        Ok(record)
    }

    async fn change(&self, collection: &'static str, mut fields: Map<String, Value>) -> Answer {
        fields.insert("updatedAt".to_owned(), self.now.text().into());
        self.records(collection).change(self.text("id"), fields).await?;
        Ok(json!({"ok": true}))
    }

    fn records(&self, collection: &'static str) -> Records<'_> {
        Records::of(self.database, self.caller, collection)
    }

    fn text(&self, name: &str) -> &str {
        self.arguments[name].as_str().unwrap_or_default()
    }

    fn flag(&self, name: &str) -> bool {
        self.arguments[name].as_bool().unwrap_or_default()
    }

    fn limit(&self) -> usize {
        self.arguments["limit"].as_u64().and_then(|limit| usize::try_from(limit).ok()).unwrap_or(usize::MAX)
    }
}
