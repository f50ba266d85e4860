//! TLS: a certificate and its key from two files, read again when they change or somebody says so. What cannot be used is
//! said aloud, and the certificate before it stays. Must not know what is spoken over it.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use tokio::signal::unix::Signal;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::{self, PemObject};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::{ClientHello, ResolvesServerCert};
use tokio_rustls::rustls::sign::CertifiedKey;
use tokio_rustls::rustls::{self, ServerConfig};

/// How often the files are looked at: whoever renews a certificate does so days before it ends.
const LOOK_INTERVAL: Duration = Duration::from_secs(2);
/// Bytes of a file that are read: chains have some thousands.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// Where the certificate and its key are, in PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TlsFiles {
    /// The server's own certificate first, then those between it and an authority.
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
}

/// Why a certificate cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TlsError {
    #[error("tls_certificate: cannot read {}: {source}", path.display())]
    CertificateUnreadable { path: PathBuf, source: std::io::Error },
    #[error("tls_key: cannot read {}: {source}", path.display())]
    KeyUnreadable { path: PathBuf, source: std::io::Error },
    #[error(
        "tls_certificate: {} has no certificate that can be read ({reason}); it must be in PEM, with those between it and an \
         authority after it",
        path.display()
    )]
    NoCertificate { path: PathBuf, reason: String },
    #[error(
        "tls_key: {} has no key that can be read ({reason}); it must be in PEM and not encrypted",
        path.display()
    )]
    NoKey { path: PathBuf, reason: String },
    #[error("{} and {} do not go together: {source}", certificate.display(), key.display())]
    Unfit { certificate: PathBuf, key: PathBuf, source: rustls::Error },
    #[error("TLS cannot be spoken: {0}")]
    Protocol(rustls::Error),
}

/// What the files hold, whether it can be used or not.
#[derive(PartialEq, Eq)]
struct Contents {
    certificate: Vec<u8>,
    key: Vec<u8>,
}

impl TlsFiles {
    fn read(&self) -> Result<Contents, TlsError> {
        let certificate = read(&self.certificate)
            .map_err(|source| TlsError::CertificateUnreadable { path: self.certificate.clone(), source })?;
        let key = read(&self.key).map_err(|source| TlsError::KeyUnreadable { path: self.key.clone(), source })?;
        Ok(Contents { certificate, key })
    }

    fn certified(&self, contents: &Contents) -> Result<CertifiedKey, TlsError> {
        let path = || self.certificate.clone();
        let chain: Result<Vec<_>, pem::Error> = CertificateDer::pem_slice_iter(&contents.certificate).collect();
        let chain = chain.and_then(|chain| if chain.is_empty() { Err(pem::Error::NoItemsFound) } else { Ok(chain) });
        let chain = chain.map_err(|e| TlsError::NoCertificate { path: path(), reason: e.to_string() })?;
        let key = PrivateKeyDer::from_pem_slice(&contents.key);
        let key = key.map_err(|e| TlsError::NoKey { path: self.key.clone(), reason: e.to_string() })?;
        let certified = CertifiedKey::from_der(chain, key, &ring::default_provider());
        certified.map_err(|source| TlsError::Unfit { certificate: path(), key: self.key.clone(), source })
    }
}

fn read(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(FILE_BYTES_MAX).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The certificate that counts now, for every address.
#[derive(Clone)]
pub(crate) struct Tls(Arc<Inner>);

struct Inner {
    files: TlsFiles,
    current: RwLock<Arc<CertifiedKey>>,
    /// What was found last, so that it is looked into, and said, once.
    seen: Mutex<Result<Contents, String>>,
}

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Tls").field(&self.0.files).finish()
    }
}

impl std::fmt::Debug for Inner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Inner").field("files", &self.files).finish_non_exhaustive()
    }
}

impl ResolvesServerCert for Inner {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner)))
    }
}

impl Tls {
    pub(crate) fn open(files: TlsFiles) -> Result<Tls, TlsError> {
        let contents = files.read()?;
        let current = RwLock::new(Arc::new(files.certified(&contents)?));
        Ok(Tls(Arc::new(Inner { files, current, seen: Mutex::new(Ok(contents)) })))
    }

    /// What takes connections on which these protocols may be spoken, the best first.
    pub(crate) fn acceptor(&self, protocols: &[&[u8]]) -> Result<TlsAcceptor, TlsError> {
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(TlsError::Protocol)?;
        let mut config =
            config.with_no_client_auth().with_cert_resolver(Arc::clone(&self.0) as Arc<dyn ResolvesServerCert>);
        config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
        Ok(Arc::new(config).into())
    }

    /// Looks at the files again and again, and at once when it is asked to. Connections that there are stay as they are.
    pub(crate) async fn watch(self, mut asked: Signal) {
        loop {
            let is_asked = tokio::select! {
                _ = asked.recv() => true,
                () = tokio::time::sleep(LOOK_INTERVAL) => false,
            };
            let tls = self.clone();
            if tokio::task::spawn_blocking(move || tls.look(is_asked)).await.is_err() {
                tracing::error!("BUG: looking at the certificate of TLS failed");
            }
        }
    }

    fn look(&self, is_asked: bool) {
        let Inner { files, current, seen } = &*self.0;
        let found = files.read().map_err(|error| error.to_string());
        let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
        if found == *seen && !is_asked {
            return;
        }
        let certified = match &found {
            Ok(contents) => files.certified(contents).map_err(|error| error.to_string()),
            Err(error) => Err(error.clone()),
        };
        match certified {
            Ok(certified) => {
                *current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(certified);
                tracing::info!("the certificate of TLS was read again, and is the one that new connections see");
            }
            Err(error) => tracing::error!("the new certificate of TLS is refused, the one before stays: {error}"),
        }
        *seen = found;
    }
}
