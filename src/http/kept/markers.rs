//! Markers: something happened at a time, and every chart of it says so. Also in Honeycomb's words (`/1/markers`).

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Kept, ListOptions, Made, MadeList, check_optional, check_text, routes};
use crate::http::access::{self, Caller};
use crate::http::error::ErrorBody;
use crate::http::honeycomb::HoneycombError;
use crate::http::names::Names;
use crate::http::object::Object;
use crate::http::query::{Parsed, options};
use crate::http::recording::Outcome;
use crate::http::{ApiError, App, kept};
use crate::times::Moment;
use crate::workspace::{Kind, Thing};

const TEXT_BYTES_MAX: usize = 2_000;
const URL_BYTES_MAX: usize = 2_000;
const WORD_BYTES_MAX: usize = 64;

/// Something that happened.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Marker {
    /// Since when; now, if it is left out.
    #[serde(default)]
    pub(crate) time: Option<Moment>,
    /// Until when; null for a moment.
    #[serde(default)]
    pub(crate) end: Option<Moment>,
    /// Null: every dataset.
    #[serde(default)]
    pub(crate) dataset: Option<String>,
    /// What happened.
    pub(crate) text: String,
    /// Such as `deploy` or `flag`.
    #[serde(default)]
    pub(crate) kind: Option<String>,
    /// Where to read more: http or https.
    #[serde(default)]
    pub(crate) url: Option<String>,
    /// `#rrggbb`; null for that of its kind.
    #[serde(default)]
    pub(crate) color: Option<String>,
}

pub(crate) const MARKERS: Kind = Kind { name: "markers", things_max: 100_000 };

impl Kept for Marker {
    const KIND: Kind = MARKERS;

    fn check(&mut self, now: i64) -> Result<(), String> {
        let time = self.time.get_or_insert(Moment(now)).0;
        if self.end.is_some_and(|end| end.0 < time) {
            return Err("end is before time; leave it out for a moment".to_owned());
        }
        if self.dataset.as_deref().is_some_and(access::is_all) {
            self.dataset = None;
        }
        if self.dataset.as_deref().is_some_and(|dataset| dataset.contains(',')) {
            return Err("a marker is of one dataset, or of all if dataset is null".to_owned());
        }
        check_text("text", &self.text, 1..=TEXT_BYTES_MAX)?;
        check_optional("kind", self.kind.as_deref(), WORD_BYTES_MAX)?;
        check_optional("url", self.url.as_deref(), URL_BYTES_MAX)?;
        if self.url.as_deref().is_some_and(|url| !url.starts_with("https://") && !url.starts_with("http://")) {
            return Err("url must begin with https:// or http://".to_owned());
        }
        let is_color =
            |text: &str| text.len() == 7 && text.starts_with('#') && text[1..].bytes().all(|b| b.is_ascii_hexdigit());
        if self.color.as_deref().is_some_and(|color| !is_color(color)) {
            return Err("color must be written as #rrggbb".to_owned());
        }
        Ok(())
    }

    fn datasets(&self) -> Vec<&str> {
        self.dataset.as_deref().into_iter().collect()
    }

    fn is_about_all(&self) -> bool {
        self.dataset.is_none()
    }

    fn time(&self) -> Option<i64> {
        self.time.map(|time| time.0)
    }
}

routes!(
    Marker,
    "markers",
    "/api/v1/markers",
    "/api/v1/markers/{id}",
    list_markers,
    create_marker,
    show_marker,
    change_marker,
    delete_marker
);

/// A marker in Honeycomb's words.
#[derive(Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub(crate) struct HoneycombMarker {
    #[serde(skip_deserializing)]
    id: String,
    /// Epoch seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    start_time: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    end_time: Option<i64>,
    message: String,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    kind: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    color: Option<String>,
    #[serde(skip_deserializing)]
    created_at: String,
    #[serde(skip_deserializing)]
    updated_at: String,
}

const SECOND_NS: i64 = 1_000_000_000;

impl HoneycombMarker {
    fn read(self, dataset: &str) -> Marker {
        let moment = |seconds: i64| Moment(seconds.saturating_mul(SECOND_NS));
        let dataset = Some(dataset.trim().to_lowercase()).filter(|name| !access::is_all(name));
        // A deployment without words is a deployment all the same.
        let text = if self.message.is_empty() { self.kind.clone().unwrap_or_default() } else { self.message };
        Marker {
            time: self.start_time.map(moment),
            end: self.end_time.map(moment),
            dataset,
            text,
            kind: self.kind,
            url: self.url.filter(|url| !url.is_empty()),
            color: self.color.filter(|color| !color.is_empty()),
        }
    }

    fn written(thing: &Thing) -> Result<HoneycombMarker, ApiError> {
        let made = kept::made::<Marker>(thing)?;
        let marker = made.content;
        let seconds = |moment: Moment| moment.0.div_euclid(SECOND_NS);
        Ok(HoneycombMarker {
            id: made.id,
            start_time: marker.time.map(seconds),
            end_time: marker.end.map(seconds),
            message: marker.text,
            kind: marker.kind,
            url: marker.url,
            color: marker.color,
            created_at: made.created,
            updated_at: made.changed,
        })
    }
}

/// Make a marker, as honeymarker and deploy scripts do
#[utoipa::path(
    post,
    path = "/1/markers/{dataset}",
    tag = "markers",
    params(("dataset" = String, Path, description = "The dataset, or __all__")),
    request_body = HoneycombMarker,
    responses((status = 201, body = HoneycombMarker), (status = 401, body = HoneycombError), (status = 422, body = HoneycombError))
)]
pub(crate) async fn create_honeycomb_marker(
    State(app): State<App>,
    caller: Caller,
    Names(dataset): Names<String>,
    Object(new): Object<HoneycombMarker>,
) -> Result<Response, ApiError> {
    let thing = kept::create_thing(&app, &caller, new.read(&dataset)).await?;
    let made = Json(HoneycombMarker::written(&thing)?);
    Ok((StatusCode::CREATED, Outcome::made(&thing.id), made).into_response())
}

/// List markers in Honeycomb's words
#[utoipa::path(
    get,
    path = "/1/markers/{dataset}",
    tag = "markers",
    params(("dataset" = String, Path, description = "The dataset, or __all__")),
    responses((status = 200, body = Vec<HoneycombMarker>), (status = 401, body = HoneycombError))
)]
pub(crate) async fn list_honeycomb_markers(
    State(app): State<App>,
    caller: Caller,
    Names(dataset): Names<String>,
) -> Result<Json<Vec<HoneycombMarker>>, ApiError> {
    let dataset = Some(dataset.trim().to_lowercase()).filter(|name| !access::is_all(name));
    let search = ListOptions { dataset, limit: Some(super::PAGE_MAX), ..ListOptions::default() }.search()?;
    let reach = caller.readable();
    let things = crate::http::working::working(&app, move |w| w.things(Marker::KIND, &reach, &search)).await?;
    Ok(Json(things.iter().map(HoneycombMarker::written).collect::<Result<_, _>>()?))
}

/// Change a marker in Honeycomb's words
#[utoipa::path(
    put,
    path = "/1/markers/{dataset}/{id}",
    tag = "markers",
    params(("dataset" = String, Path, description = "The dataset, or __all__"), ("id" = String, Path, description = "Its id")),
    request_body = HoneycombMarker,
    responses((status = 200, body = HoneycombMarker), (status = 404, body = HoneycombError))
)]
pub(crate) async fn change_honeycomb_marker(
    State(app): State<App>,
    caller: Caller,
    Names((dataset, id)): Names<(String, String)>,
    Object(new): Object<HoneycombMarker>,
) -> Result<Json<HoneycombMarker>, ApiError> {
    let thing = kept::change_thing(&app, &caller, id, None, new.read(&dataset)).await?;
    Ok(Json(HoneycombMarker::written(&thing)?))
}

/// Delete a marker, as Honeycomb's clients do
#[utoipa::path(
    delete,
    path = "/1/markers/{dataset}/{id}",
    tag = "markers",
    params(("dataset" = String, Path, description = "The dataset, or __all__"), ("id" = String, Path, description = "Its id")),
    responses((status = 204), (status = 404, body = HoneycombError))
)]
pub(crate) async fn delete_honeycomb_marker(
    State(app): State<App>,
    caller: Caller,
    Names((_, id)): Names<(String, String)>,
) -> Result<StatusCode, ApiError> {
    kept::delete::<Marker>(&app, &caller, id, None).await
}
