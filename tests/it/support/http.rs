//! A raw HTTP client: no library adds, drops or reorders a header.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

use flate2::read::GzDecoder;

/// A read waits this long before it fails. Only a server that hangs takes so long.
const TIMEOUT: Duration = Duration::from_secs(60);

/// Returns `GET target` with a bearer token, or without one if `token` is empty.
pub fn get(target: &str, token: &str) -> String {
    let authorization = match token {
        "" => String::new(),
        token => format!("Authorization: bearer {token}\r\n"),
    };
    format!("GET {target} HTTP/1.1\r\nHost: example.org\r\n{authorization}\r\n")
}

/// One connection to a server.
pub struct Connection {
    stream: BufReader<TcpStream>,
}

impl Connection {
    pub fn open(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).expect("a connection");
        // What is sent arrives at once, also behind a request that was not answered.
        stream.set_nodelay(true).expect("an option is set");
        stream
            .set_read_timeout(Some(TIMEOUT))
            .expect("a time-out is set");
        Self {
            stream: BufReader::new(stream),
        }
    }

    /// Sends bytes as they are.
    pub fn send(&mut self, raw: impl AsRef<[u8]>) {
        // The server may have refused the request and closed the connection already.
        let _ = self.stream.get_mut().write_all(raw.as_ref());
    }

    /// Closes the sending half.
    pub fn half_close(&mut self) {
        let _ = self.stream.get_mut().shutdown(Shutdown::Write);
    }

    /// Reads the next response. Returns `None` if the server closed the connection instead. A response to HEAD
    /// (`to_head`) has no body.
    pub fn read(&mut self, to_head: bool) -> Option<Response> {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            if self.stream.read_until(b'\n', &mut head).ok()? == 0 {
                return None;
            }
        }
        let head = String::from_utf8(head).expect("a head in ASCII");
        let (line, headers) = head.split_once("\r\n").expect("a status line");
        let mut words = line.split(' ').map(str::to_owned);
        let mut response = Response {
            version: words.next().expect("a version"),
            status: words
                .next()
                .and_then(|status| status.parse().ok())
                .expect("a status"),
            headers: headers
                .lines()
                .filter_map(|line| line.split_once(": "))
                .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
                .collect(),
            body: String::new(),
            bytes: Vec::new(),
        };
        if !to_head && response.header("transfer-encoding") == Some("chunked") {
            response.bytes = self.read_chunks()?;
        } else if !to_head {
            let length = response
                .header("content-length")
                .and_then(|length| length.parse().ok());
            response.bytes = vec![0; length.unwrap_or(0)];
            self.stream.read_exact(&mut response.bytes).ok()?;
        }
        if !to_head && response.header("content-encoding") == Some("gzip") {
            GzDecoder::new(&*response.bytes)
                .read_to_string(&mut response.body)
                .expect("a body in gzip");
        } else if response.header("content-type") != Some("application/zip") {
            response.body = String::from_utf8(response.bytes.clone()).expect("a body in UTF-8");
        }
        Some(response)
    }

    /// Reads a chunked body. Returns `None` if the connection ends before the body.
    fn read_chunks(&mut self) -> Option<Vec<u8>> {
        let mut body = Vec::new();
        loop {
            let mut size = String::new();
            self.stream.read_line(&mut size).ok()?;
            let size = usize::from_str_radix(size.trim_end(), 16).ok()?;
            let mut chunk = vec![0; size + 2];
            self.stream.read_exact(&mut chunk).ok()?;
            if size == 0 {
                return Some(body);
            }
            body.extend_from_slice(&chunk[..size]);
        }
    }

    /// Returns how many more bytes the server sends before it closes the connection.
    pub fn read_to_end(&mut self) -> usize {
        let mut rest = Vec::new();
        let _ = self.stream.read_to_end(&mut rest);
        rest.len()
    }

    /// Returns whether the server closes the connection without sending another byte.
    pub fn is_ended(&mut self) -> bool {
        let mut byte = [0];
        !matches!(self.stream.read(&mut byte), Ok(1))
    }
}

/// A response of a server.
#[derive(Debug, PartialEq, Eq)]
pub struct Response {
    /// The HTTP version of the status line.
    pub version: String,
    pub status: u16,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body without its coding, unless it is an archive.
    pub body: String,
    /// The body as it was sent.
    pub bytes: Vec<u8>,
}

impl Response {
    /// Returns the value of a header. Fails if the header occurs more than once.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.iter().filter(|(known, _)| known == name);
        let value = values.next().map(|(_, value)| value.as_str());
        assert!(
            values.next().is_none(),
            "{name} occurs twice in {:?}",
            self.headers
        );
        value
    }

    pub fn status_and_body(&self) -> (u16, &str) {
        (self.status, &self.body)
    }
}
