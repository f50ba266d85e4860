//! Answers on their way out: what they hold is accounted for until their peer has read them. It must not know what they
//! say.

use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http_body::{Body as HttpBody, Frame, SizeHint};
use outcrop_storage::memory::{Pool, Reservation};

use super::App;

/// Answers below this are not worth an entry.
const SMALL_BYTES_MAX: u64 = 16 << 10;

/// Counts the bytes of large answers as memory of questions: they are what answers are made for.
pub(super) async fn account(State(app): State<App>, request: Request, next: Next) -> Response {
    let response = next.run(request).await;
    let bytes = response.body().size_hint().exact().unwrap_or(0);
    if bytes <= SMALL_BYTES_MAX {
        return response;
    }
    let held = app.memory.reservation(Pool::Queries);
    // It is there already, so that nobody could refuse it.
    held.grow(usize::try_from(bytes).unwrap_or(0));
    response.map(|body| Body::new(Accounted { body, _held: held }))
}

struct Accounted {
    body: Body,
    _held: Reservation,
}

impl HttpBody for Accounted {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
