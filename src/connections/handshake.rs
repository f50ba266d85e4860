//! How a connection over TLS begins: with a handshake that has its time, and with a word for whoever does not speak TLS.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::Speech;

/// How long a peer may take for its part: a few exchanges over the worst of networks.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// What TLS holds of a connection at most, both ways: a handshake message, and what is encrypted before the peer reads.
pub(super) const TLS_BYTES: usize = 128 << 10;
/// The first byte of whatever is TLS.
const HANDSHAKE_RECORD: u8 = 0x16;
/// Bytes that are read, and let go, of a request that came without TLS: closing before that could take the answer back.
const PLAIN_BYTES_MAX: u64 = 1 << 20;
/// What a request is told that came without TLS.
pub(super) const PLAIN_REFUSAL: &[u8] = b"HTTP/1.1 400 Bad Request\r\nContent-Type: application/json\r\nContent-Length: 102\r\nConnection: close\r\n\r\n{\"error\":{\"code\":\"tls_needed\",\"message\":\"this address speaks TLS: ask it with https://\",\"details\":{}}}";

/// The connection, once both sides know the keys; none if it has ended.
pub(super) async fn shake(speech: Speech, acceptor: &TlsAcceptor, stream: TcpStream) -> Option<TlsStream<TcpStream>> {
    let shaken = async {
        let mut first = [0];
        match stream.peek(&mut first).await {
            Ok(1) if first == [HANDSHAKE_RECORD] => acceptor.accept(stream).await.ok(),
            Ok(1) if speech == Speech::Http => refuse_plain(stream).await,
            // It has gone, or is a client of gRPC without TLS: those say by themselves that there is none.
            _ => None,
        }
    };
    timeout(HANDSHAKE_TIMEOUT, shaken).await.ok().flatten()
}

async fn refuse_plain(mut stream: TcpStream) -> Option<TlsStream<TcpStream>> {
    stream.write_all(PLAIN_REFUSAL).await.ok()?;
    stream.shutdown().await.ok()?;
    let _let_go = tokio::io::copy(&mut stream.take(PLAIN_BYTES_MAX), &mut tokio::io::sink()).await;
    None
}
