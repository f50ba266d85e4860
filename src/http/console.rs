//! The console: files embedded in the binary, served with a policy that lets them load nothing from elsewhere.
//!
//! Paths that are no file are the console's own routes and get its page; it must not know what they mean.

use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use rust_embed::RustEmbed;

use super::ApiError;
use super::error::{no_method, no_route};

#[derive(RustEmbed)]
#[folder = "console/dist"]
struct Files;

const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; \
                      connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
const PAGE: &str = "index.html";

pub(super) async fn serve(method: Method, uri: Uri) -> Response {
    if uri.path().starts_with("/api/") || uri.path() == "/api" {
        return no_route(uri).await.into_response();
    }
    if method != Method::GET && method != Method::HEAD {
        return no_method(method).await.into_response();
    }
    let path = uri.path().trim_start_matches('/');
    let path = if path.is_empty() { PAGE } else { path };
    let file = Files::get(path).map(|file| (path, file));
    let is_file_name = path.rsplit('/').next().is_some_and(|name| name.contains('.'));
    let found = file.or_else(|| if is_file_name { None } else { Files::get(PAGE).map(|file| (PAGE, file)) });
    match found {
        Some((path, file)) => (headers(path, file.metadata.mimetype()), file.data.into_owned()).into_response(),
        None => ApiError::new(StatusCode::NOT_FOUND, "no_file", "there is nothing at this path; the console is at /")
            .into_response(),
    }
}

fn headers(path: &str, media_type: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    // Names under assets/ carry a hash of their content; the page itself is asked for again each time.
    let cache = if path.starts_with("assets/") { "public, max-age=31536000, immutable" } else { "no-cache" };
    for (name, value) in [
        (header::CACHE_CONTROL, cache),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    let media_type = HeaderValue::from_str(media_type).unwrap_or(HeaderValue::from_static("application/octet-stream"));
    headers.insert(header::CONTENT_TYPE, media_type);
    headers
}
