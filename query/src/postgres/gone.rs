//! Whether the peer of a connection has left. The protocol's loop reads nothing while a statement runs, and would answer
//! nobody for as long as that takes. It must not know the protocol beyond its farewell.

use std::io;
use std::time::Duration;

use tokio::io::Interest;
use tokio::net::TcpStream;

/// What a client says before it closes.
const FAREWELL: [u8; 5] = [b'X', 0, 0, 0, 4];
/// How often a connection is looked at on which something waits to be read.
const PAUSE: Duration = Duration::from_millis(200);

/// The connection, and another handle of it.
pub(super) fn split(socket: TcpStream) -> io::Result<(TcpStream, TcpStream)> {
    let socket = socket.into_std()?;
    let watched = socket.try_clone()?;
    Ok((TcpStream::from_std(socket)?, TcpStream::from_std(watched)?))
}

/// Ends when the peer is gone.
pub(super) async fn gone(watched: TcpStream) {
    let mut ahead = [0; FAREWELL.len() + 1];
    loop {
        match watched.peek(&mut ahead).await {
            Ok(0) | Err(_) => return,
            // It is read as soon as the statement before it has ended, unless nobody waits for that.
            Ok(bytes) if ahead[..bytes] == FAREWELL => return,
            // Over TLS nobody can tell a farewell; that there comes no more after it, anybody can.
            Ok(_) if watched.ready(Interest::READABLE).await.is_ok_and(|ready| ready.is_read_closed()) => return,
            Ok(_) => tokio::time::sleep(PAUSE).await,
        }
    }
}
