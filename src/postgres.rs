//! The PostgreSQL protocol: listens, lets askers in by their keys, and hands connections to the query room.
//!
//! A key with the scope `query` is the password, whatever the user is called; where HTTP needs no key, this needs no password.
//! A statement reads what its key may read when it is run, and nothing once the key is revoked. Must not know SQL.

use std::net::IpAddr;
use std::sync::Arc;

use outcrop_query::{Admitted, Door, Postgres};
use outcrop_storage::memory::Pool;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use crate::http::admission::Shed;
use crate::http::{App, enter_sql, note_sql, refuse_sql, sql_reader};

/// Connections at once; further ones are closed. Clients keep pools of a few each.
const CONNECTIONS_MAX: usize = 128;
/// Bytes that a connection holds: what is read of it before it is wanted, and rows on their way.
const CONNECTION_BYTES: usize = 128 << 10;
/// What TLS holds of a connection besides, both ways.
const TLS_BYTES: usize = 128 << 10;
/// Its name in a handshake of TLS.
pub(crate) const PROTOCOLS: &[&[u8]] = &[b"postgresql"];
/// Pause after an accept that failed for want of something.
const PAUSE: std::time::Duration = std::time::Duration::from_millis(50);

/// Serves until `draining`. Statements under way are cut off: whoever reads asks again. With TLS, nobody is let in without it.
pub(crate) async fn serve(
    listener: Option<TcpListener>,
    tls: Option<TlsAcceptor>,
    app: App,
    mut draining: watch::Receiver<bool>,
) {
    let Some(listener) = listener else { return };
    let connection_bytes = CONNECTION_BYTES + tls.as_ref().map_or(0, |_| TLS_BYTES);
    let postgres = Postgres::new(Arc::clone(&app.engine), tls);
    let slots = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let mut tasks = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = draining.wait_for(|draining| *draining) => return,
        };
        while tasks.try_join_next().is_some() {}
        match accepted {
            Ok((stream, peer)) => {
                let slot = Arc::clone(&slots).try_acquire_owned().ok();
                let held = app.memory.try_reserve(Pool::Connections, connection_bytes).ok();
                let (Some(slot), Some(held)) = (slot, held) else {
                    app.metrics.shed(Shed::Connections.label());
                    continue;
                };
                let (postgres, door) = (postgres.clone(), door(&app, peer.ip()));
                tasks.spawn(async move {
                    let _best_effort = stream.set_nodelay(true);
                    // What goes wrong with a connection concerns the peer, and it knows.
                    let _ended = postgres.serve(stream, door).await;
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
fn door(app: &App, peer: IpAddr) -> Door {
    let app = app.clone();
    Arc::new(move |password: Option<&str>| {
        if sql_reader(&app, password).is_none() {
            if password.is_some_and(|password| !password.is_empty()) {
                refuse_sql(&app, peer);
            }
            return None;
        }
        let [asking, entering, listening] = [(); 3].map(|()| (app.clone(), password.map(str::to_owned)));
        Some(Admitted {
            reader: Arc::new(move || sql_reader(&asking.0, asking.1.as_deref())),
            gate: Arc::new(move || enter_sql(&entering.0, entering.1.as_deref())),
            listener: Arc::new(move |statement| {
                let (app, key) = listening.clone();
                Box::pin(async move { note_sql(&app, key.as_deref(), peer, statement).await })
            }),
        })
    })
}
