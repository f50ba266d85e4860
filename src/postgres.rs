//! The PostgreSQL protocol: listens, lets askers in by their keys, and hands connections to the query room.
//!
//! A key with the scope `query` is the password, whatever the user is called; where HTTP needs no key, this needs no password.
//! A statement reads what its key may read when it is run, and nothing once the key is revoked. Must not know SQL.

use std::sync::Arc;

use outcrop_query::{Door, Postgres, Reader};
use outcrop_storage::memory::Pool;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

use crate::http::admission::Shed;
use crate::http::{App, sql_reader};

/// Connections at once; further ones are closed. Clients keep pools of a few each.
const CONNECTIONS_MAX: usize = 128;
/// Bytes that a connection holds: what is read of it before it is wanted, and rows on their way.
const CONNECTION_BYTES: usize = 128 << 10;
/// Pause after an accept that failed for want of something.
const PAUSE: std::time::Duration = std::time::Duration::from_millis(50);

/// Serves until `draining`. Statements under way are cut off: whoever reads asks again.
pub(crate) async fn serve(listener: Option<TcpListener>, app: App, mut draining: watch::Receiver<bool>) {
    let Some(listener) = listener else { return };
    let postgres = Postgres::new(Arc::clone(&app.engine), door(&app));
    let slots = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let mut tasks = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = draining.wait_for(|draining| *draining) => return,
        };
        while tasks.try_join_next().is_some() {}
        match accepted {
            Ok((stream, _)) => {
                let slot = Arc::clone(&slots).try_acquire_owned().ok();
                let held = app.memory.try_reserve(Pool::Connections, CONNECTION_BYTES).ok();
                let (Some(slot), Some(held)) = (slot, held) else {
                    app.metrics.shed(Shed::Connections.label());
                    continue;
                };
                let postgres = postgres.clone();
                tasks.spawn(async move {
                    let _best_effort = stream.set_nodelay(true);
                    // What goes wrong with a connection concerns the peer, and it knows.
                    let _ended = postgres.serve(stream).await;
                    drop((slot, held));
                });
            }
            Err(error) => {
                tracing::warn!("postgres: cannot accept a connection: {error}");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

/// Lets in whoever has a key with the scope, or anybody where nobody needs one.
fn door(app: &App) -> Door {
    let app = app.clone();
    Arc::new(move |password: Option<&str>| {
        let (app, password) = (app.clone(), password.map(str::to_owned));
        let reader: Reader = Arc::new(move || sql_reader(&app, password.as_deref()));
        reader().is_some().then_some(reader)
    })
}
