//! The PostgreSQL protocol, byte by byte: enough of it to sign in, to ask, and to go away rudely.

use std::fmt::Debug;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use super::tls;

/// Seconds until a server that does not answer fails the test.
const ANSWER_SECONDS_MAX: u64 = 120;

/// What asks the server for TLS.
const TLS_WANTED: [u8; 8] = [0, 0, 0, 8, 4, 210, 22, 47];

trait Stream: Read + Write + Debug {}

impl<T: Read + Write + Debug> Stream for T {}

#[derive(Debug)]
pub(crate) struct Client {
    stream: Box<dyn Stream>,
}

/// What a statement was answered: rows as text, tags, or the code and the words of an error.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) columns: Vec<String>,
    pub(crate) rows: Vec<Vec<Option<String>>>,
    pub(crate) tags: Vec<String>,
    pub(crate) error: Option<(String, String)>,
}

impl Client {
    /// Signs in; the password is asked for if the server wants one. Otherwise what it said.
    pub(crate) fn connect(address: SocketAddr, password: &str) -> Result<Client, Answer> {
        Client { stream: Box::new(stream(address)) }.sign_in(password)
    }

    /// The same over TLS, which the server must have.
    pub(crate) fn connect_tls(address: SocketAddr, password: &str) -> Result<Client, Answer> {
        let mut stream = stream(address);
        stream.write_all(&TLS_WANTED).unwrap();
        let mut told = [0];
        stream.read_exact(&mut told).unwrap();
        assert_eq!(&told, b"S", "the server has no TLS");
        let stream = tls::over(stream, address, &["postgresql"]).unwrap();
        Client { stream: Box::new(stream) }.sign_in(password)
    }

    fn sign_in(self, password: &str) -> Result<Client, Answer> {
        let mut client = self;
        let mut startup = 196_608_u32.to_be_bytes().to_vec();
        startup.extend(b"user\0anybody\0database\0outcrop\0\0");
        let mut message = (startup.len() as u32 + 4).to_be_bytes().to_vec();
        message.extend(startup);
        client.stream.write_all(&message).unwrap();
        let mut answer = Answer::default();
        loop {
            match client.read() {
                Some((b'R', body)) if body == [0, 0, 0, 3] => {
                    client.write(b'p', format!("{password}\0").as_bytes());
                }
                Some((b'E', body)) => answer.error = Some(error(&body)),
                Some((b'Z', _)) => return if answer.error.is_none() { Ok(client) } else { Err(answer) },
                Some(_) => {}
                None => return Err(answer),
            }
        }
    }

    fn write(&mut self, kind: u8, body: &[u8]) {
        let mut message = vec![kind];
        message.extend((body.len() as u32 + 4).to_be_bytes());
        message.extend_from_slice(body);
        self.stream.write_all(&message).unwrap();
        self.stream.flush().unwrap();
    }

    /// The next message; none if the server has closed.
    fn read(&mut self) -> Option<(u8, Vec<u8>)> {
        let mut head = [0; 5];
        self.stream.read_exact(&mut head).ok()?;
        let length = u32::from_be_bytes(head[1..].try_into().unwrap()) as usize - 4;
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body).ok()?;
        Some((head[0], body))
    }

    /// Asks and does not wait. Dropping the client closes the connection.
    pub(crate) fn begin(&mut self, sql: &str) {
        self.write(b'Q', format!("{sql}\0").as_bytes());
    }

    /// Goes away politely, whether a statement is under way or not.
    pub(crate) fn leave(mut self) {
        self.write(b'X', &[]);
    }

    pub(crate) fn ask(&mut self, sql: &str) -> Answer {
        self.begin(sql);
        self.answer(sql)
    }

    fn answer(&mut self, sql: &str) -> Answer {
        let mut answer = Answer::default();
        loop {
            let (kind, body) = self.read().unwrap_or_else(|| panic!("{sql}: the server has closed"));
            match kind {
                b'T' => answer.columns = columns(&body),
                b'D' => answer.rows.push(row(&body)),
                b'C' => answer.tags.push(text(&body)),
                b'E' => answer.error = Some(error(&body)),
                b'Z' => return answer,
                _ => {}
            }
        }
    }

    /// Prepares a statement and does not run it.
    pub(crate) fn prepare(&mut self, sql: &str) -> Answer {
        self.write(b'P', format!("\0{sql}\0\0\0").as_bytes());
        self.write(b'S', &[]);
        self.answer(sql)
    }

    /// Runs the statement that was prepared last, with these texts for its parameters.
    pub(crate) fn run(&mut self, parameters: &[&str]) -> Answer {
        // The portal and the statement without names, formats of none, and the values.
        let mut bind = vec![0, 0, 0, 0];
        bind.extend((parameters.len() as u16).to_be_bytes());
        for parameter in parameters {
            bind.extend((parameter.len() as u32).to_be_bytes());
            bind.extend(parameter.as_bytes());
        }
        bind.extend([0, 0]);
        self.write(b'B', &bind);
        self.write(b'E', &[0, 0, 0, 0, 0]);
        self.write(b'S', &[]);
        self.answer("the prepared statement")
    }

    /// The first column of the rows of a statement that must succeed.
    pub(crate) fn values(&mut self, sql: &str) -> Vec<String> {
        let answer = self.ask(sql);
        assert_eq!(answer.error, None, "{sql}");
        answer.rows.into_iter().map(|row| row[0].clone().unwrap_or_default()).collect()
    }
}

fn stream(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_nodelay(true).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(ANSWER_SECONDS_MAX))).unwrap();
    stream
}

fn text(bytes: &[u8]) -> String {
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    String::from_utf8_lossy(&bytes[..end]).into_owned()
}

fn error(body: &[u8]) -> (String, String) {
    let field =
        |kind: u8| body.split(|byte| *byte == 0).find(|part| part.first() == Some(&kind)).map(|part| text(&part[1..]));
    (field(b'C').unwrap_or_default(), field(b'M').unwrap_or_default())
}

fn columns(mut body: &[u8]) -> Vec<String> {
    let count = u16::from_be_bytes([body[0], body[1]]);
    body = &body[2..];
    let mut names = Vec::new();
    for _ in 0..count {
        let name = text(body);
        // A name, its end, and what is told of the column.
        body = &body[name.len() + 1 + 18..];
        names.push(name);
    }
    names
}

fn row(mut body: &[u8]) -> Vec<Option<String>> {
    let count = u16::from_be_bytes([body[0], body[1]]);
    body = &body[2..];
    let mut values = Vec::new();
    for _ in 0..count {
        let length = i32::from_be_bytes(body[..4].try_into().unwrap());
        body = &body[4..];
        let value = usize::try_from(length).ok().map(|length| {
            let (value, rest) = body.split_at(length);
            body = rest;
            String::from_utf8_lossy(value).into_owned()
        });
        values.push(value);
    }
    values
}
