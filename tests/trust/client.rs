//! An HTTP client for servers that end in the middle of a response.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

/// A read waits this long before it fails. Only a server that hangs takes so long.
const TIMEOUT: Duration = Duration::from_secs(60);

/// One connection.
pub struct Client(BufReader<TcpStream>);

/// A whole response.
pub struct Answer {
    pub status: u16,
    /// The head in lower case.
    pub head: String,
    pub body: Vec<u8>,
}

impl Answer {
    /// Returns the value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let value = line.strip_prefix(name)?.strip_prefix(": ")?;
            Some(value.trim_end())
        })
    }

    /// Returns the body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

impl Client {
    /// Returns `None` if no server accepts the connection.
    pub fn open(address: SocketAddr) -> Option<Self> {
        let stream = TcpStream::connect_timeout(&address, TIMEOUT).ok()?;
        stream.set_read_timeout(Some(TIMEOUT)).ok()?;
        stream.set_write_timeout(Some(TIMEOUT)).ok()?;
        stream.set_nodelay(true).ok()?;
        Some(Self(BufReader::new(stream)))
    }

    /// Returns whether everything was handed to the operating system.
    pub fn send(&mut self, raw: impl AsRef<[u8]>) -> bool {
        self.0.get_mut().write_all(raw.as_ref()).is_ok()
    }

    /// Closes the sending half.
    pub fn half_close(&mut self) {
        let _ = self.0.get_mut().shutdown(Shutdown::Write);
    }

    /// Returns the next response. `None` means that the connection ended before it was whole.
    pub fn read(&mut self, to_head: bool) -> Option<Answer> {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            if self.0.read_until(b'\n', &mut head).ok()? == 0 {
                return None;
            }
        }
        let head = String::from_utf8_lossy(&head).to_ascii_lowercase();
        let status = head.split(' ').nth(1)?.parse().ok()?;
        let mut answer = Answer {
            status,
            head,
            body: Vec::new(),
        };
        if to_head || matches!(status, 204 | 304) {
            return Some(answer);
        }
        if answer.header("transfer-encoding") == Some("chunked") {
            loop {
                let mut size = String::new();
                self.0.read_line(&mut size).ok()?;
                let size = usize::from_str_radix(size.trim_end(), 16).ok()?;
                let mut chunk = vec![0; size + 2];
                self.0.read_exact(&mut chunk).ok()?;
                if size == 0 {
                    return Some(answer);
                }
                answer.body.extend_from_slice(&chunk[..size]);
            }
        }
        let length = answer.header("content-length")?.parse().ok()?;
        answer.body = vec![0; length];
        self.0.read_exact(&mut answer.body).ok()?;
        Some(answer)
    }

    /// Sends `GET target` and returns the response.
    pub fn get(&mut self, target: &str) -> Option<Answer> {
        self.send(crate::support::get(target, ""));
        self.read(false)
    }

    /// Sends a seed to the admin API and returns the response.
    pub fn post_seed(&mut self, seed: &str) -> Option<Answer> {
        self.send(format!(
            "POST /admin/seed HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{seed}",
            seed.len()
        ));
        self.read(false)
    }
}
