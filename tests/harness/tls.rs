//! The client's side of TLS, trusting the authority of the tests and nobody else. It must not know what is spoken over it.

use std::fs;
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

/// Seconds until a server that does not answer fails the test.
const ANSWER_SECONDS_MAX: u64 = 120;

pub(crate) type Stream = StreamOwned<ClientConnection, TcpStream>;

/// A file of `tests/certificates`.
pub(crate) fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/certificates").join(name)
}

/// The certificate and the key of this name, where a server in `home` finds them; each file changes in one step.
pub(crate) fn install(home: &Path, name: &str) {
    for (from, to) in [(format!("{name}.key"), "key.pem"), (format!("{name}.pem"), "certificate.pem")] {
        put(home, to, &fs::read(file(&from)).unwrap());
    }
}

pub(crate) fn put(home: &Path, name: &str, bytes: &[u8]) {
    let written = home.join("new");
    fs::write(&written, bytes).unwrap();
    fs::rename(&written, home.join(name)).unwrap();
}

/// What there is to know of a certificate of this name.
pub(crate) fn certificate(name: &str) -> CertificateDer<'static> {
    CertificateDer::from_pem_file(file(&format!("{name}.pem"))).unwrap()
}

/// Nobody is known from before: every connection sees a certificate.
pub(crate) fn config(protocols: &[&str]) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots.add(certificate("authority")).unwrap();
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let builder = builder.with_safe_default_protocol_versions().unwrap().with_root_certificates(roots);
    let mut config = builder.with_no_client_auth();
    config.alpn_protocols = protocols.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
    Arc::new(config)
}

pub(crate) fn server_name(address: SocketAddr) -> ServerName<'static> {
    ServerName::from(address.ip())
}

/// A connection on which one of these protocols is spoken.
pub(crate) fn connect(address: SocketAddr, protocols: &[&str]) -> std::io::Result<Stream> {
    let stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(Duration::from_secs(ANSWER_SECONDS_MAX)))?;
    stream.set_write_timeout(Some(Duration::from_secs(ANSWER_SECONDS_MAX)))?;
    over(stream, address, protocols)
}

/// The same over a connection that has begun already.
pub(crate) fn over(mut stream: TcpStream, address: SocketAddr, protocols: &[&str]) -> std::io::Result<Stream> {
    let mut client = ClientConnection::new(config(protocols), server_name(address)).unwrap();
    while client.is_handshaking() {
        client.complete_io(&mut stream)?;
    }
    Ok(StreamOwned::new(client, stream))
}

/// The certificate that a new connection sees.
pub(crate) fn presented(address: SocketAddr) -> CertificateDer<'static> {
    let stream = connect(address, &[]).unwrap();
    stream.conn.peer_certificates().unwrap()[0].clone().into_owned()
}
