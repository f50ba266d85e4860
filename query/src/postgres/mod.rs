//! The PostgreSQL protocol on one connection: who may ask is told by whoever opened it, what is asked goes the way of all SQL.
//!
//! [`session`] answers statements that are about the session and not about events, [`wire`] holds the protocol's handlers,
//! [`gone`] sees that a peer has left while it is waited for. Every statement is planned anew against what its asker may
//! read at that moment. It must not know keys.

mod gone;
mod session;
mod wire;

use std::fmt;
use std::sync::Arc;

use datafusion_postgres::pgwire::api::ConnectionManager;
use datafusion_postgres::pgwire::tokio::process_socket;
use outcrop_storage::Snapshot;
use tokio::net::TcpStream;

use crate::execute::QueryEngine;
use wire::Connection;

/// What an asker may read as of now; none once the key no longer counts.
pub type Reader = Arc<dyn Fn() -> Option<Snapshot> + Send + Sync>;

/// Lets an asker in: without a password where nobody needs one, else with a key as password.
pub type Door = Arc<dyn Fn(Option<&str>) -> Option<Reader> + Send + Sync>;

/// What all connections share.
#[derive(Clone)]
pub struct Postgres {
    engine: Arc<QueryEngine>,
    door: Door,
    /// Who runs what, for those who cancel it over another connection.
    connections: Arc<ConnectionManager>,
}

impl fmt::Debug for Postgres {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Postgres").finish_non_exhaustive()
    }
}

impl Postgres {
    pub fn new(engine: Arc<QueryEngine>, door: Door) -> Postgres {
        Postgres { engine, door, connections: Arc::new(ConnectionManager::new()) }
    }

    /// Serves a connection to its end. Dropping the future cancels what runs.
    pub async fn serve(&self, socket: TcpStream) -> std::io::Result<()> {
        let (socket, watched) = gone::split(socket)?;
        let connection = Connection::new(Arc::clone(&self.engine), Arc::clone(&self.door));
        let handlers = wire::handlers(connection, Arc::clone(&self.connections));
        tokio::select! {
            ended = process_socket(socket, None, handlers) => ended,
            () = gone::gone(watched) => Ok(()),
        }
    }
}
