//! Things that people keep: one table for all kinds of them. A thing has a kind, an id, a body whose shape its kind checks,
//! perhaps a dataset that it is of, a time that lists are ordered by, and a revision that counts its changes.
//!
//! It must not know what kinds there are, or what their bodies mean.

use rusqlite::{Connection, OptionalExtension, Row, ToSql, params, params_from_iter};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{Reach, Workspace, WorkspaceError, limits, random_id, writing};

/// The name of a kind of things, and how many of it there may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Kind {
    pub(crate) name: &'static str,
    pub(crate) things_max: i64,
}

/// A thing as it is kept.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Thing {
    pub(crate) id: String,
    /// The dataset that it is of; none if it is of none or of all.
    pub(crate) dataset: Option<String>,
    pub(crate) body: Value,
    pub(crate) revision: i64,
    /// What lists are ordered by: nanoseconds.
    pub(crate) time: i64,
    pub(crate) created: i64,
    pub(crate) changed: i64,
    /// Who made it: the id of a key.
    pub(crate) creator: String,
}

/// What is to be kept.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Content {
    pub(crate) dataset: Option<String>,
    pub(crate) body: Value,
    pub(crate) time: i64,
}

/// Which things of a kind.
#[derive(Clone, Debug, Default)]
pub(crate) struct Search {
    /// Those of this dataset and those of all.
    pub(crate) dataset: Option<String>,
    /// Nanoseconds: not before, and before.
    pub(crate) from: Option<i64>,
    pub(crate) until: Option<i64>,
    /// Some text in the body, in any case.
    pub(crate) text: Option<String>,
    /// Where the page before ended: time and id of its last.
    pub(crate) after: Option<(i64, String)>,
    pub(crate) limit: usize,
}

const COLUMNS: &str = "id, dataset, body, revision, time, created, changed, creator";

impl Workspace {
    pub(crate) fn create_thing(
        &self,
        kind: Kind,
        content: Content,
        creator: &str,
        now: i64,
    ) -> Result<Thing, WorkspaceError> {
        let mut connection = self.writer();
        let transaction = writing(&mut connection)?;
        let thing = insert(&transaction, kind, &random_id()?, content, creator, now)?;
        transaction.commit()?;
        Ok(thing)
    }

    /// Keeps a thing under an id of its maker's, unless there is one: whether it was new.
    pub(crate) fn create_thing_once(
        &self,
        kind: Kind,
        id: &str,
        content: Content,
        creator: &str,
        now: i64,
    ) -> Result<bool, WorkspaceError> {
        let mut connection = self.writer();
        let transaction = writing(&mut connection)?;
        if find(&transaction, kind, id)?.is_some() {
            return Ok(false);
        }
        insert(&transaction, kind, id, content, creator, now)?;
        transaction.commit()?;
        Ok(true)
    }

    pub(crate) fn thing(&self, kind: Kind, id: &str) -> Result<Thing, WorkspaceError> {
        find(&self.writer(), kind, id)?.ok_or_else(|| WorkspaceError::NoThing(kind.name, id.to_owned()))
    }

    /// A thing that need not be there.
    pub(crate) fn find_thing(&self, kind: Kind, id: &str) -> Result<Option<Thing>, WorkspaceError> {
        find(&self.writer(), kind, id)
    }

    /// The things of a kind that a reach includes, the latest first.
    pub(crate) fn things(&self, kind: Kind, reach: &Reach, search: &Search) -> Result<Vec<Thing>, WorkspaceError> {
        let mut sql = format!("SELECT {COLUMNS} FROM things WHERE kind = ?");
        let mut values: Vec<Box<dyn ToSql>> = vec![Box::new(kind.name)];
        let mut and = |condition: &str, value: Box<dyn ToSql>| {
            sql.push_str(" AND ");
            sql.push_str(condition);
            values.push(value);
        };
        if let Some(dataset) = &search.dataset {
            and("(dataset = ? OR dataset IS NULL)", Box::new(dataset.clone()));
        }
        if let Some(from) = search.from {
            and("time >= ?", Box::new(from));
        }
        if let Some(until) = search.until {
            and("time < ?", Box::new(until));
        }
        if let Some(text) = &search.text {
            and("instr(lower(body), ?) > 0", Box::new(text.to_ascii_lowercase()));
        }
        if let Some((time, id)) = &search.after {
            and("(time, id) < (?, ?)", Box::new(*time));
            values.push(Box::new(id.clone()));
        }
        if let Reach::Only(datasets) = reach {
            let marks = vec!["?"; datasets.len()].join(", ");
            sql.push_str(&format!(" AND (dataset IS NULL OR dataset IN ({marks}))"));
            values.extend(datasets.iter().map(|d| Box::new(d.as_str().to_owned()) as Box<dyn ToSql>));
        }
        sql.push_str(&format!(" ORDER BY time DESC, id DESC LIMIT {}", search.limit));
        let connection = self.writer();
        let mut statement = connection.prepare_cached(&sql)?;
        let rows = statement.query_map(params_from_iter(values), read)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Changes a thing, if it still has the revision that its changer has seen.
    pub(crate) fn change_thing(
        &self,
        kind: Kind,
        id: &str,
        revision: i64,
        content: Content,
        now: i64,
    ) -> Result<Thing, WorkspaceError> {
        let body = written(kind, &content)?;
        let mut connection = self.writer();
        let transaction = writing(&mut connection)?;
        seen(&transaction, kind, id, revision)?;
        transaction.execute(
            "UPDATE things SET dataset = ?, body = ?, time = ?, changed = ?, revision = revision + 1
             WHERE kind = ? AND id = ?",
            params![content.dataset, body, content.time, now, kind.name, id],
        )?;
        let thing = find(&transaction, kind, id)?;
        transaction.commit()?;
        thing.ok_or_else(|| WorkspaceError::NoThing(kind.name, id.to_owned()))
    }

    /// Keeps what happened under its id, once however often it happens: its revision counts how often. The oldest go where
    /// there are too many.
    pub(crate) fn remember(
        &self,
        kind: Kind,
        happened: impl IntoIterator<Item = (String, Content, String)>,
        now: i64,
    ) -> Result<(), WorkspaceError> {
        let mut connection = self.writer();
        let transaction = writing(&mut connection)?;
        for (id, content, creator) in happened {
            let body = written(kind, &content)?;
            transaction.execute(
                "INSERT INTO things (kind, id, dataset, body, revision, time, created, changed, creator)
                 VALUES (?1, ?2, ?3, ?4, 1, ?5, ?6, ?6, ?7)
                 ON CONFLICT DO UPDATE SET dataset = ?3, body = ?4, revision = revision + 1, time = ?5, changed = ?6",
                params![kind.name, id, content.dataset, body, content.time, now, creator],
            )?;
        }
        transaction.execute(
            "DELETE FROM things WHERE kind = ?1 AND id IN
                 (SELECT id FROM things WHERE kind = ?1 ORDER BY time DESC, id DESC LIMIT -1 OFFSET ?2)",
            params![kind.name, kind.things_max],
        )?;
        Ok(transaction.commit()?)
    }

    pub(crate) fn delete_thing(&self, kind: Kind, id: &str, revision: i64) -> Result<(), WorkspaceError> {
        let mut connection = self.writer();
        let transaction = writing(&mut connection)?;
        seen(&transaction, kind, id, revision)?;
        transaction.execute("DELETE FROM things WHERE kind = ? AND id = ?", params![kind.name, id])?;
        Ok(transaction.commit()?)
    }

    /// Things go with their dataset to its new name.
    pub(crate) fn rename_things_of(&self, dataset: &str, name: &str) -> Result<(), WorkspaceError> {
        self.writer().execute("UPDATE things SET dataset = ? WHERE dataset = ?", [name, dataset])?;
        Ok(())
    }
}

/// What all things of a kind say, the oldest first.
pub(super) fn bodies<T: DeserializeOwned>(connection: &Connection, kind: &str) -> Result<Vec<T>, WorkspaceError> {
    let mut statement = connection.prepare_cached("SELECT body FROM things WHERE kind = ? ORDER BY created, id")?;
    let bodies = statement.query_map([kind], |row| row.get::<_, String>(0))?;
    let read =
        |body: String| serde_json::from_str(&body).map_err(|e| WorkspaceError::Bug(format!("one of the {kind}: {e}")));
    bodies.map(|body| read(body?)).collect()
}

fn insert(
    connection: &Connection,
    kind: Kind,
    id: &str,
    content: Content,
    creator: &str,
    now: i64,
) -> Result<Thing, WorkspaceError> {
    let body = written(kind, &content)?;
    let count: i64 = connection.query_row("SELECT count(*) FROM things WHERE kind = ?", [kind.name], |r| r.get(0))?;
    if count >= kind.things_max {
        return Err(WorkspaceError::TooManyThings(kind.name, count));
    }
    connection.execute(
        "INSERT INTO things (kind, id, dataset, body, revision, time, created, changed, creator)
         VALUES (?, ?, ?, ?, 1, ?, ?, ?, ?)",
        params![kind.name, id, content.dataset, body, content.time, now, now, creator],
    )?;
    let Content { dataset, body, time } = content;
    let (id, creator) = (id.to_owned(), creator.to_owned());
    Ok(Thing { id, dataset, body, revision: 1, time, created: now, changed: now, creator })
}

fn written(kind: Kind, content: &Content) -> Result<String, WorkspaceError> {
    let body = content.body.to_string();
    if body.len() > limits::THING_BYTES_MAX {
        let max = limits::THING_BYTES_MAX;
        return Err(WorkspaceError::Invalid(format!(
            "of {} {} bytes are too many; {max} are allowed",
            kind.name,
            body.len()
        )));
    }
    Ok(body)
}

fn seen(connection: &Connection, kind: Kind, id: &str, revision: i64) -> Result<(), WorkspaceError> {
    match find(connection, kind, id)? {
        None => Err(WorkspaceError::NoThing(kind.name, id.to_owned())),
        Some(thing) if thing.revision != revision => Err(WorkspaceError::Changed),
        Some(_) => Ok(()),
    }
}

fn find(connection: &Connection, kind: Kind, id: &str) -> Result<Option<Thing>, WorkspaceError> {
    let sql = format!("SELECT {COLUMNS} FROM things WHERE kind = ? AND id = ?");
    Ok(connection.prepare_cached(&sql)?.query_row([kind.name, id], read).optional()?)
}

fn read(row: &Row<'_>) -> rusqlite::Result<Thing> {
    let body: String = row.get(2)?;
    Ok(Thing {
        id: row.get(0)?,
        dataset: row.get(1)?,
        body: serde_json::from_str(&body).map_err(rusqlite::types::FromSqlError::other)?,
        revision: row.get(3)?,
        time: row.get(4)?,
        created: row.get(5)?,
        changed: row.get(6)?,
        creator: row.get(7)?,
    })
}
