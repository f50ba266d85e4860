//! Things that people make and keep: [`markers`], [`boards`], [`queries`], [`redactions`]. What they share is here: who sees them, how they are
//! listed, made, changed and deleted. Each kind has its own checked shape.
//!
//! Who may ask may make them. A key that is limited to datasets sees and changes what is about those, and sees what is about
//! none or all.

pub(super) mod boards;
pub(super) mod history;
pub(super) mod markers;
pub(super) mod queries;
pub(super) mod redactions;

use axum::Json;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use outcrop_storage::event::DatasetName;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::access::{self, Caller};
use super::recording::Outcome;
use super::working::working;
use super::{ApiError, App, etag};
use crate::times::{Moment, rfc3339};
use crate::workspace::{Content, Kind, Search, Thing, WorkspaceError};

/// Things of a page, when nobody says.
const PAGE_DEFAULT: usize = 100;
/// Things of a page, at most.
const PAGE_MAX: usize = 1_000;

/// A kind of things that people keep.
pub(super) trait Kept: Serialize + DeserializeOwned + Send + 'static {
    const KIND: Kind;

    /// Refuses what makes no sense, and fills in what was left out.
    fn check(&mut self, now: i64) -> Result<(), String>;

    /// Refuses what this server cannot follow.
    fn suits(&self, _: &App) -> Result<(), String> {
        Ok(())
    }

    /// The datasets that it is about, as they are named.
    fn datasets(&self) -> Vec<&str>;

    /// Whether it is about every dataset, though it names none.
    fn is_about_all(&self) -> bool {
        false
    }

    /// What lists are ordered by; when it was made, if it has no time of its own.
    fn time(&self) -> Option<i64> {
        None
    }
}

/// A thing as it is answered.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Made<T> {
    id: String,
    created: String,
    changed: String,
    /// The id of the key that made it.
    creator: String,
    #[serde(flatten)]
    content: T,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MadeList<T> {
    items: Vec<Made<T>>,
    /// Ask for the next page with it; null at the end.
    cursor: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ListOptions {
    /// Only those about this dataset, and those about all.
    dataset: Option<String>,
    start: Option<String>,
    end: Option<String>,
    q: Option<String>,
    limit: Option<usize>,
    cursor: Option<String>,
}

impl ListOptions {
    pub(super) fn search(&self) -> Result<Search, ApiError> {
        let limit = self.limit.unwrap_or(PAGE_DEFAULT);
        if !(1..=PAGE_MAX).contains(&limit) {
            return Err(ApiError::bad_request("malformed_options", format!("limit must be between 1 and {PAGE_MAX}")));
        }
        let time = |text: &Option<String>| text.as_deref().map(Moment::read).transpose();
        let bad_time = |what| ApiError::bad_request("malformed_options", what);
        Ok(Search {
            dataset: self.dataset.as_deref().map(str::trim).map(str::to_lowercase),
            from: time(&self.start).map_err(bad_time)?.map(|time| time.0),
            until: time(&self.end).map_err(bad_time)?.map(|time| time.0),
            text: self.q.clone().filter(|text| !text.is_empty()),
            after: self.cursor.as_deref().map(read_cursor).transpose()?,
            limit: limit + 1,
        })
    }
}

fn read_cursor(text: &str) -> Result<(i64, String), ApiError> {
    let read = text.split_once('-').and_then(|(time, id)| Some((time.parse().ok()?, id.to_owned())));
    let what = "the cursor is not one of ours; ask for the first page without one";
    read.ok_or_else(|| ApiError::bad_request("malformed_options", what))
}

/// The things of a page, and the cursor of the next.
pub(super) fn page(mut things: Vec<Thing>, search: &Search) -> (Vec<Thing>, Option<String>) {
    let more = things.len() >= search.limit;
    things.truncate(search.limit - 1);
    let last = things.last().filter(|_| more);
    let cursor = last.map(|thing| format!("{}-{}", thing.time, thing.id));
    (things, cursor)
}

fn read<T: Kept>(thing: &Thing) -> Result<T, ApiError> {
    serde_json::from_value(thing.body.clone()).map_err(|error| {
        tracing::error!(kind = T::KIND.name, id = thing.id, "a thing that was kept cannot be read: {error}");
        ApiError::bug("the workspace")
    })
}

fn made<T: Kept>(thing: &Thing) -> Result<Made<T>, ApiError> {
    let mut content = thing.body.clone();
    // Its dataset may have another name by now.
    if let (Some(dataset), Some(named)) = (&thing.dataset, content.get_mut("dataset")) {
        *named = Value::String(dataset.clone());
    }
    Ok(Made {
        id: thing.id.clone(),
        created: rfc3339(thing.created),
        changed: rfc3339(thing.changed),
        creator: thing.creator.clone(),
        content: read::<T>(&Thing { body: content, ..thing.clone() })?,
    })
}

fn tagged<T: Kept>(thing: &Thing) -> Result<Response, ApiError> {
    Ok(etag::tagged(&thing.revision.to_string(), made::<T>(thing)?))
}

/// The names that a thing is about, one by one.
fn names(datasets: &[&str]) -> Vec<String> {
    datasets.iter().flat_map(|names| names.split(',')).map(|name| name.trim().to_lowercase()).collect()
}

fn is_seen<T: Kept>(caller: &Caller, content: &T) -> bool {
    let names = names(&content.datasets());
    names.iter().all(|name| access::is_all(name) || caller.may_read(name).is_ok())
}

/// Refuses what is about datasets that the caller may not ask about.
fn require<T: Kept>(caller: &Caller, content: &T) -> Result<(), ApiError> {
    if content.is_about_all() {
        caller.may_read_everything()?;
    }
    names(&content.datasets()).iter().try_for_each(|name| caller.may_read(name))
}

fn content<T: Kept>(caller: &Caller, mut new: T, now: i64, made: i64) -> Result<Content, ApiError> {
    new.check(now).map_err(WorkspaceError::Invalid)?;
    let mut about = names(&new.datasets());
    for name in about.iter().filter(|name| !access::is_all(name)) {
        DatasetName::new(name).map_err(|e| ApiError::bad_request("bad_dataset", e.to_string()))?;
    }
    require(caller, &new)?;
    let one = about.len() == 1 && !access::is_all(&about[0]);
    let time = new.time().unwrap_or(made);
    let body = serde_json::to_value(new).map_err(|_| ApiError::bug("the workspace"))?;
    Ok(Content { dataset: if one { about.pop() } else { None }, body, time })
}

pub(super) async fn list<T: Kept>(
    app: &App,
    caller: &Caller,
    options: &ListOptions,
) -> Result<Json<MadeList<T>>, ApiError> {
    let search = options.search()?;
    let (reach, wanted) = (caller.readable(), search.clone());
    let things = working(app, move |w| w.things(T::KIND, &reach, &wanted)).await?;
    let (things, cursor) = page(things, &search);
    let mut items: Vec<Made<T>> = things.iter().map(made).collect::<Result<_, _>>()?;
    items.retain(|made| is_seen(caller, &made.content));
    Ok(Json(MadeList { items, cursor }))
}

pub(super) async fn create<T: Kept>(app: &App, caller: &Caller, new: T) -> Result<Response, ApiError> {
    let thing = create_thing(app, caller, new).await?;
    Ok((StatusCode::CREATED, Outcome::made(&thing.id), tagged::<T>(&thing)?).into_response())
}

pub(super) async fn create_thing<T: Kept>(app: &App, caller: &Caller, new: T) -> Result<Thing, ApiError> {
    new.suits(app).map_err(WorkspaceError::Invalid)?;
    let now = app.store.clock().now();
    let (content, creator) = (content(caller, new, now, now)?, caller.id().to_owned());
    working(app, move |w| w.create_thing(T::KIND, content, &creator, now)).await
}

/// A thing that the caller sees; another is as if it were not there.
async fn find<T: Kept>(app: &App, caller: &Caller, id: String) -> Result<Thing, ApiError> {
    let of = id.clone();
    let thing = working(app, move |w| w.thing(T::KIND, &of)).await?;
    if is_seen(caller, &made::<T>(&thing)?.content) {
        return Ok(thing);
    }
    Err(WorkspaceError::NoThing(T::KIND.name, id).into())
}

pub(super) async fn show<T: Kept>(app: &App, caller: &Caller, id: String) -> Result<Response, ApiError> {
    tagged::<T>(&find::<T>(app, caller, id).await?)
}

/// What a change or deletion is about: seen as it is now, and within reach.
async fn changing<T: Kept>(
    app: &App,
    caller: &Caller,
    id: String,
    headers: Option<&HeaderMap>,
) -> Result<Thing, ApiError> {
    let seen = find::<T>(app, caller, id).await?;
    require(caller, &made::<T>(&seen)?.content)?;
    headers.map_or(Ok(()), |headers| etag::check(headers, &seen.revision.to_string()))?;
    Ok(seen)
}

pub(super) async fn change<T: Kept>(
    app: &App,
    caller: &Caller,
    id: String,
    headers: &HeaderMap,
    new: T,
) -> Result<Response, ApiError> {
    tagged::<T>(&change_thing(app, caller, id, Some(headers), new).await?)
}

pub(super) async fn change_thing<T: Kept>(
    app: &App,
    caller: &Caller,
    id: String,
    headers: Option<&HeaderMap>,
    new: T,
) -> Result<Thing, ApiError> {
    let seen = changing::<T>(app, caller, id, headers).await?;
    new.suits(app).map_err(WorkspaceError::Invalid)?;
    let now = app.store.clock().now();
    let content = content(caller, new, now, seen.created)?;
    working(app, move |w| w.change_thing(T::KIND, &seen.id, seen.revision, content, now)).await
}

pub(super) async fn delete<T: Kept>(
    app: &App,
    caller: &Caller,
    id: String,
    headers: Option<&HeaderMap>,
) -> Result<StatusCode, ApiError> {
    let seen = changing::<T>(app, caller, id, headers).await?;
    working(app, move |w| w.delete_thing(T::KIND, &seen.id, seen.revision)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Refuses a text that is not there, too long, or has control characters.
fn check_text(what: &str, text: &str, bytes: std::ops::RangeInclusive<usize>) -> Result<(), String> {
    if bytes.contains(&text.len()) && !text.chars().any(|c| c.is_control() && c != '\n' && c != '\t') {
        return Ok(());
    }
    Err(format!("{what} must have {} to {} bytes and no control characters", bytes.start(), bytes.end()))
}

fn check_optional(what: &str, text: Option<&str>, bytes_max: usize) -> Result<(), String> {
    text.map_or(Ok(()), |text| check_text(what, text, 0..=bytes_max))
}

/// Refuses a query spec that no query could have.
fn check_spec(what: &str, spec: &Value) -> Result<(), String> {
    let read = outcrop_query::read_spec::<outcrop_query::QuerySpec>(spec.to_string().as_bytes());
    read.map(drop).map_err(|error| format!("{what}: {error}"))
}

/// The five routes of a kind.
macro_rules! routes {
    ($body:ident, $tag:literal, $all:literal, $each:literal, $list:ident, $create:ident, $show:ident, $change:ident, $delete:ident) => {
        /// List them, the latest first
        #[utoipa::path(
            get,
            path = $all,
            tag = $tag,
            params(
                ("dataset" = Option<String>, Query, description = "Only those about this dataset, and those about none or all"),
                ("start" = Option<String>, Query, description = "Only those from this time on: RFC 3339 or epoch seconds"),
                ("end" = Option<String>, Query, description = "Only those before this time"),
                ("q" = Option<String>, Query, description = "Only those with this text in them"),
                ("limit" = Option<usize>, Query, description = "1 to 1,000, default 100"),
                ("cursor" = Option<String>, Query, description = "From the page before"),
            ),
            responses((status = 200, body = MadeList<$body>), (status = 400, body = ErrorBody))
        )]
        pub(crate) async fn $list(
            State(app): State<App>,
            caller: Caller,
            options_given: Parsed<ListOptions>,
        ) -> Result<Json<MadeList<$body>>, ApiError> {
            kept::list(&app, &caller, &options(options_given)?).await
        }

        /// Make one
        #[utoipa::path(
            post,
            path = $all,
            tag = $tag,
            request_body = $body,
            responses(
                (status = 201, body = Made<$body>),
                (status = 400, body = ErrorBody),
                (status = 403, body = ErrorBody),
                (status = 422, body = ErrorBody),
            )
        )]
        pub(crate) async fn $create(
            State(app): State<App>,
            caller: Caller,
            Object(new): Object<$body>,
        ) -> Result<Response, ApiError> {
            kept::create(&app, &caller, new).await
        }

        /// Show one
        #[utoipa::path(
            get,
            path = $each,
            tag = $tag,
            params(("id" = String, Path, description = "Its id")),
            responses((status = 200, body = Made<$body>), (status = 404, body = ErrorBody))
        )]
        pub(crate) async fn $show(
            State(app): State<App>,
            caller: Caller,
            Names(id): Names<String>,
        ) -> Result<Response, ApiError> {
            kept::show::<$body>(&app, &caller, id).await
        }

        /// Change one: the body is all of it, as it is to be
        #[utoipa::path(
            put,
            path = $each,
            tag = $tag,
            params(
                ("id" = String, Path, description = "Its id"),
                ("If-Match" = String, Header, description = "The ETag of it as you have seen it"),
            ),
            request_body = $body,
            responses(
                (status = 200, body = Made<$body>),
                (status = 400, body = ErrorBody),
                (status = 403, body = ErrorBody),
                (status = 404, body = ErrorBody),
                (status = 409, body = ErrorBody),
                (status = 412, body = ErrorBody),
                (status = 422, body = ErrorBody),
            )
        )]
        pub(crate) async fn $change(
            State(app): State<App>,
            caller: Caller,
            Names(id): Names<String>,
            headers: HeaderMap,
            Object(new): Object<$body>,
        ) -> Result<Response, ApiError> {
            kept::change(&app, &caller, id, &headers, new).await
        }

        /// Delete one
        #[utoipa::path(
            delete,
            path = $each,
            tag = $tag,
            params(
                ("id" = String, Path, description = "Its id"),
                ("If-Match" = String, Header, description = "The ETag of it as you have seen it"),
            ),
            responses(
                (status = 204),
                (status = 403, body = ErrorBody),
                (status = 404, body = ErrorBody),
                (status = 409, body = ErrorBody),
                (status = 412, body = ErrorBody),
            )
        )]
        pub(crate) async fn $delete(
            State(app): State<App>,
            caller: Caller,
            Names(id): Names<String>,
            headers: HeaderMap,
        ) -> Result<StatusCode, ApiError> {
            kept::delete::<$body>(&app, &caller, id, Some(&headers)).await
        }
    };
}
use routes;
