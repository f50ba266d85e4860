//! HTTP/1.1 byte by byte: one connection a request, any header, any body, right or wrong.
//!
//! The request is written on a thread of its own while the answer is read, so that a server may refuse a body before it
//! has arrived. It must not know what requests mean.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::Value;

/// Seconds until a server that does not answer fails the test.
const ANSWER_SECONDS_MAX: u64 = 120;
/// Bytes of a chunk of a chunked body.
const CHUNK_BYTES: usize = 64 << 10;

/// What follows the head of a request.
#[derive(Clone, Debug)]
pub(crate) enum Body {
    None,
    /// With `Content-Length`.
    Sized(Vec<u8>),
    /// With `Transfer-Encoding: chunked`, so that nobody knows the length beforehand.
    Chunked(Vec<u8>),
}

#[derive(Clone, Debug)]
pub(crate) struct Request {
    method: String,
    path: String,
    headers: Vec<(String, String)>,
    body: Body,
}

impl Request {
    pub(crate) fn new(method: &str, path: &str) -> Request {
        Request { method: method.into(), path: path.into(), headers: Vec::new(), body: Body::None }
    }

    pub(crate) fn get(path: &str) -> Request {
        Request::new("GET", path)
    }

    pub(crate) fn post(path: &str, body: impl Into<Vec<u8>>) -> Request {
        Request::new("POST", path).body(Body::Sized(body.into()))
    }

    pub(crate) fn json(path: &str, body: &Value) -> Request {
        Request::post(path, body.to_string()).header("Content-Type", "application/json")
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Request {
        self.headers.push((name.into(), value.into()));
        self
    }

    pub(crate) fn body(mut self, body: Body) -> Request {
        self.body = body;
        self
    }

    fn head(&self, address: SocketAddr) -> String {
        let mut head = format!("{} {} HTTP/1.1\r\n", self.method, self.path);
        if !self.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("host")) {
            head.push_str(&format!("Host: {address}\r\n"));
        }
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        match &self.body {
            Body::None => {}
            Body::Sized(_) if self.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-length")) => {}
            Body::Sized(bytes) => head.push_str(&format!("Content-Length: {}\r\n", bytes.len())),
            Body::Chunked(_) => head.push_str("Transfer-Encoding: chunked\r\n"),
        }
        head.push_str("Connection: close\r\n\r\n");
        head
    }

    /// Sends the request and reads the answer.
    pub(crate) fn to(&self, address: SocketAddr) -> Reply {
        self.try_to(address).unwrap_or_else(|e| panic!("{} {}: no answer: {e}", self.method, self.path))
    }

    pub(crate) fn try_to(&self, address: SocketAddr) -> std::io::Result<Reply> {
        let stream = self.connect(address)?;
        let mut writing = stream.try_clone()?;
        std::thread::scope(|scope| {
            // A server that has made up its mind may close before it has read everything.
            scope.spawn(move || drop(self.write_body(&mut writing)));
            Reply::read(&mut BufReader::new(&stream))
        })
    }

    /// Sends everything and leaves the connection to the caller, who may close it.
    pub(crate) fn begin(&self, address: SocketAddr) -> TcpStream {
        let mut stream = self.connect(address).unwrap();
        self.write_body(&mut stream).unwrap();
        stream
    }

    /// Sends everything over a connection that there is, and reads the answer then.
    pub(crate) fn over<T: Read + Write>(&self, address: SocketAddr, stream: &mut T) -> std::io::Result<Reply> {
        stream.write_all(self.head(address).as_bytes())?;
        self.write_body(stream)?;
        stream.flush()?;
        Reply::read(&mut BufReader::new(stream))
    }

    fn connect(&self, address: SocketAddr) -> std::io::Result<TcpStream> {
        let mut stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_secs(ANSWER_SECONDS_MAX)))?;
        stream.set_write_timeout(Some(Duration::from_secs(ANSWER_SECONDS_MAX)))?;
        stream.write_all(self.head(address).as_bytes())?;
        Ok(stream)
    }

    fn write_body(&self, stream: &mut impl Write) -> std::io::Result<()> {
        match &self.body {
            Body::None => Ok(()),
            Body::Sized(bytes) => stream.write_all(bytes),
            Body::Chunked(bytes) => {
                for chunk in bytes.chunks(CHUNK_BYTES) {
                    write!(stream, "{:x}\r\n", chunk.len())?;
                    stream.write_all(chunk)?;
                    stream.write_all(b"\r\n")?;
                }
                stream.write_all(b"0\r\n\r\n")
            }
        }
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Reply {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|e| panic!("status {}, body is no JSON ({e}): {:.300}", self.status, self.text()))
    }

    /// The JSON of an answer that must be 200.
    pub(crate) fn ok(&self) -> Value {
        assert_eq!(self.status, 200, "{:.600}", self.text());
        self.json()
    }

    pub(crate) fn read(stream: &mut impl BufRead) -> std::io::Result<Reply> {
        let broken = |what: &str| std::io::Error::new(std::io::ErrorKind::InvalidData, what.to_owned());
        let status_line = line(stream)?;
        let status = status_line.split(' ').nth(1).and_then(|s| s.parse().ok()).ok_or_else(|| broken(&status_line))?;
        let mut headers = Vec::new();
        loop {
            let line = line(stream)?;
            let Some((name, value)) = line.split_once(':') else { break };
            headers.push((name.to_lowercase(), value.trim().to_owned()));
        }
        let mut reply = Reply { status, headers, body: Vec::new() };
        if reply.header("transfer-encoding") == Some("chunked") {
            while read_chunk(stream, &mut reply.body)? {}
        } else if let Some(length) = reply.header("content-length") {
            let length: usize = length.parse().map_err(|_| broken("Content-Length"))?;
            reply.body.resize(length, 0);
            stream.read_exact(&mut reply.body)?;
        } else {
            stream.read_to_end(&mut reply.body)?;
        }
        Ok(reply)
    }
}

fn line(stream: &mut impl BufRead) -> std::io::Result<String> {
    let mut line = String::new();
    if stream.read_line(&mut line)? == 0 {
        return Err(std::io::ErrorKind::UnexpectedEof.into());
    }
    Ok(line.trim_end().to_owned())
}

/// Whether another chunk may follow.
fn read_chunk(stream: &mut impl BufRead, body: &mut Vec<u8>) -> std::io::Result<bool> {
    let length = usize::from_str_radix(&line(stream)?, 16)
        .map_err(|e| std::io::Error::new(std::io::ErrorKind::InvalidData, e))?;
    let begin = body.len();
    body.resize(begin + length, 0);
    stream.read_exact(&mut body[begin..])?;
    line(stream)?;
    Ok(length > 0)
}
