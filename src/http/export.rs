//! Rows on their way to whoever asked, in the form that they asked for. It must not know what was asked.

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use futures::TryStreamExt;
use outcrop_query::{Export, Format};

/// What rows lack, as JSON: there is no other place for it in these forms.
const WARNINGS: &str = "x-outcrop-warnings";

/// The form that `Accept` asks for; none for JSON.
pub(super) fn wanted(headers: &HeaderMap) -> Option<Format> {
    let accepted = headers.get_all(header::ACCEPT).iter().filter_map(|v| v.to_str().ok()).flat_map(|v| v.split(','));
    let kinds = accepted.filter_map(|kind| kind.split(';').next()).map(str::trim);
    kinds.into_iter().find_map(|kind| Format::ALL.into_iter().find(|format| format.media_type() == kind))
}

/// An answer as long as it gets. One that fails on the way is broken off, so that nobody takes it for whole.
pub(super) fn reply(rows: Export) -> Response {
    let media_type = HeaderValue::from_static(rows.format.media_type());
    let warnings = serde_json::to_string(&rows.warnings).unwrap_or_default();
    let has_warnings = !rows.warnings.is_empty();
    let rows = rows.inspect_err(|error| tracing::info!("an export was broken off: {error}"));
    let mut response = Body::from_stream(rows).into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, media_type);
    if has_warnings && let Ok(warnings) = HeaderValue::from_str(&in_ascii(&warnings)) {
        response.headers_mut().insert(WARNINGS, warnings);
    }
    response
}

/// JSON with nothing in it that a header may not have.
fn in_ascii(json: &str) -> String {
    let escaped = |c: char| {
        let mut units = [0; 2];
        c.encode_utf16(&mut units).iter().map(|unit| format!("\\u{unit:04x}")).collect::<String>()
    };
    json.chars().map(|c| if c.is_ascii_graphic() || c == ' ' { c.to_string() } else { escaped(c) }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_form_that_is_known_is_taken() {
        let accept = |value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT, HeaderValue::from_static(value));
            wanted(&headers)
        };
        assert_eq!(accept("application/json"), None);
        assert_eq!(accept("*/*"), None);
        assert_eq!(accept("text/csv; charset=utf-8"), Some(Format::Csv));
        assert_eq!(accept("text/html, application/vnd.apache.parquet;q=0.9, text/csv"), Some(Format::Parquet));
        assert_eq!(accept("application/vnd.apache.arrow.stream"), Some(Format::Arrow));
    }

    #[test]
    fn warnings_fit_into_a_header() {
        assert_eq!(in_ascii("[\"é\u{1f600}\"]"), "[\"\\u00e9\\ud83d\\ude00\"]");
    }
}
