//! gRPC frame by frame over HTTP/2: one connection a call, any header, any bytes. It must not know what messages mean.

use std::net::SocketAddr;
use std::time::Duration;

use h2::client;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::tls;

/// Seconds until a server that does not answer fails the test.
const ANSWER_SECONDS_MAX: u64 = 60;

/// A call to be made.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    path: String,
    headers: Vec<(String, String)>,
    /// Parts that are sent one after the other.
    parts: Vec<Vec<u8>>,
}

/// What became of a call. A refusal has its status in the headers, an answer in the trailers.
#[derive(Clone, Debug)]
pub(crate) struct Outcome {
    pub(crate) http_status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

/// A message in its frame.
pub(crate) fn framed(compressed: bool, message: &[u8]) -> Vec<u8> {
    let mut frame = vec![u8::from(compressed)];
    frame.extend((message.len() as u32).to_be_bytes());
    frame.extend_from_slice(message);
    frame
}

impl Call {
    pub(crate) fn new(path: &str, message: &[u8]) -> Call {
        Call { path: path.into(), headers: Vec::new(), parts: vec![framed(false, message)] }
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Call {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// These bytes instead of a framed message.
    pub(crate) fn bytes(mut self, parts: &[&[u8]]) -> Call {
        self.parts = parts.iter().map(|part| part.to_vec()).collect();
        self
    }

    /// The message compressed, and said to be so.
    pub(crate) fn compressed(self, encoding: &str, message: &[u8]) -> Call {
        let frame = framed(true, message);
        self.header("grpc-encoding", encoding).bytes(&[&frame])
    }

    pub(crate) fn to(&self, address: SocketAddr) -> Outcome {
        self.answered(async { self.send(address, "http", TcpStream::connect(address).await.unwrap()).await })
    }

    pub(crate) fn to_tls(&self, address: SocketAddr) -> Outcome {
        self.answered(async {
            let stream = TcpStream::connect(address).await.unwrap();
            let connector = TlsConnector::from(tls::config(&["h2"]));
            let stream = connector.connect(tls::server_name(address), stream).await.unwrap();
            self.send(address, "https", stream).await
        })
    }

    fn answered(&self, sending: impl Future<Output = Outcome>) -> Outcome {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let answered = tokio::time::timeout(Duration::from_secs(ANSWER_SECONDS_MAX), sending);
            answered.await.unwrap_or_else(|_| panic!("{}: no answer", self.path))
        })
    }

    async fn send<T>(&self, address: SocketAddr, scheme: &str, stream: T) -> Outcome
    where
        T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let (client, connection) = client::handshake(stream).await.unwrap();
        let connection = tokio::spawn(async move { drop(connection.await) });
        let mut client = client.ready().await.unwrap();
        let mut request = http::Request::post(format!("{scheme}://{address}{}", self.path)).header("te", "trailers");
        if !self.headers.iter().any(|(name, _)| name == "content-type") {
            request = request.header("content-type", "application/grpc");
        }
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        let (response, mut stream) = client.send_request(request.body(()).unwrap(), false).unwrap();
        for (at, part) in self.parts.iter().enumerate() {
            // A server that has made up its mind may close before it has read everything.
            let _refused = stream.send_data(part.clone().into(), at + 1 == self.parts.len());
        }
        let (head, mut body) = response.await.unwrap().into_parts();
        let mut outcome = Outcome { http_status: head.status.as_u16(), headers: Vec::new(), body: Vec::new() };
        outcome.note(&head.headers);
        while let Some(data) = body.data().await {
            let data = data.unwrap();
            body.flow_control().release_capacity(data.len()).unwrap();
            outcome.body.extend_from_slice(&data);
        }
        if let Some(trailers) = body.trailers().await.unwrap() {
            outcome.note(&trailers);
        }
        connection.abort();
        outcome
    }
}

impl Outcome {
    fn note(&mut self, headers: &http::HeaderMap) {
        let text = |value: &http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
        self.headers.extend(headers.iter().map(|(name, value)| (name.as_str().to_owned(), text(value))));
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }

    /// gRPC's status.
    pub(crate) fn status(&self) -> u8 {
        let status = self.header("grpc-status").unwrap_or_else(|| panic!("no status in {self:?}"));
        status.parse().unwrap()
    }

    /// The message of an answer that must be OK.
    pub(crate) fn ok(&self) -> &[u8] {
        assert_eq!((self.http_status, self.status()), (200, 0), "{self:?}");
        assert_eq!(self.body[0], 0);
        let length = u32::from_be_bytes(self.body[1..5].try_into().unwrap()) as usize;
        assert_eq!(self.body.len(), 5 + length);
        &self.body[5..]
    }
}
