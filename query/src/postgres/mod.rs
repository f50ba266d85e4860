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
use datafusion_postgres::pgwire::tokio::{TlsAcceptor, process_socket};
use futures::future::BoxFuture;
use outcrop_storage::Snapshot;
use tokio::net::TcpStream;

use crate::execute::QueryEngine;
use wire::Connection;

/// What an asker may read as of now; none once the key no longer counts.
pub type Reader = Arc<dyn Fn() -> Option<Snapshot> + Send + Sync>;

/// May refuse a statement before it costs anything: in words, where there are too many.
pub type Gate = Arc<dyn Fn() -> Result<(), String> + Send + Sync>;

/// A question as it is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    pub sql: String,
    /// What stands for `$1` and its like, as texts.
    pub parameters: Vec<String>,
}

/// Is told every question before it is answered.
pub type Listener = Arc<dyn Fn(Statement) -> BoxFuture<'static, ()> + Send + Sync>;

/// An asker who was let in.
#[derive(Clone)]
pub struct Admitted {
    pub reader: Reader,
    pub gate: Gate,
    pub listener: Listener,
}

impl fmt::Debug for Admitted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Admitted").finish_non_exhaustive()
    }
}

/// Lets an asker in: without a password where nobody needs one, else with a key as password.
pub type Door = Arc<dyn Fn(Option<&str>) -> Option<Admitted> + Send + Sync>;

/// What all connections share.
#[derive(Clone)]
pub struct Postgres {
    engine: Arc<QueryEngine>,
    /// Who runs what, for those who cancel it over another connection.
    connections: Arc<ConnectionManager>,
    tls: Option<TlsAcceptor>,
}

impl fmt::Debug for Postgres {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Postgres").finish_non_exhaustive()
    }
}

impl Postgres {
    /// With `tls`, whoever comes without it is refused before they say who they are.
    pub fn new(engine: Arc<QueryEngine>, tls: Option<TlsAcceptor>) -> Postgres {
        Postgres { engine, connections: Arc::new(ConnectionManager::new()), tls }
    }

    /// Serves a connection to its end, to whoever its door lets in. Dropping the future cancels what runs.
    pub async fn serve(&self, socket: TcpStream, door: Door) -> std::io::Result<()> {
        let (socket, watched) = gone::split(socket)?;
        let connection = Connection::new(Arc::clone(&self.engine), door, self.tls.is_some());
        let handlers = wire::handlers(connection, Arc::clone(&self.connections));
        tokio::select! {
            ended = process_socket(socket, self.tls.clone(), handlers) => ended,
            () = gone::gone(watched) => Ok(()),
        }
    }
}
