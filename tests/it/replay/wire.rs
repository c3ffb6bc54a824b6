//! A running server, and requests as bytes: no HTTP library adds, drops or reorders a header.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, ChildStdin, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::Value;

use crate::support::command;

pub const PASSWORD: &str = "correct horse";

pub fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    i64::try_from(since.as_secs()).unwrap()
}

/// The binary, serving a database of its own on a free port; it stops when its standard input closes.
pub struct Server {
    pub host: String,
    child: Child,
    stdin: Option<ChildStdin>,
}

impl Server {
    /// `serve --ephemeral` with these arguments too.
    pub fn start(arguments: &[&str]) -> Self {
        let mut child = command(&std::env::temp_dir())
            .args(["serve", "--ephemeral", "--exit-with-stdin"])
            .args(["--listen", "127.0.0.1:0"])
            .args(arguments)
            .env("CF_PACKAGES_LOGIN_PASSWORD", PASSWORD)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .expect("the binary starts");
        let stdin = child.stdin.take();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .expect("a line");
        let host = line.trim_end().strip_prefix("listening on http://");
        Self {
            host: host.expect("the listening line").into(),
            child,
            stdin,
        }
    }

    /// The one that holds `demo` and lets clients log in; all tests share it, and it ends with them.
    pub fn demo() -> &'static Self {
        static DEMO: OnceLock<Server> = OnceLock::new();
        DEMO.get_or_init(|| Self::start(&["--api", "current", "--seed", "demo", "--login"]))
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.host)
    }

    /// Sends this request and reads its answer, on a connection of its own.
    pub fn send(&self, head: &[&str], body: &str) -> Answer {
        self.open(head, body).answer()
    }

    /// Sends a request line and headers (`HOST` stands for this server), and leaves the answer to be read later.
    pub fn open(&self, head: &[&str], body: &str) -> Asked {
        let mut stream = TcpStream::connect(&self.host).expect("a connection");
        let head = head.join("\r\n").replace("HOST", &self.host);
        let request = format!("{head}\r\n\r\n{body}");
        stream.write_all(request.as_bytes()).expect("it is sent");
        stream
            .set_read_timeout(Some(Duration::from_secs(60)))
            .unwrap();
        Asked(stream)
    }

    /// The part of an absolute href behind this server's own origin.
    #[track_caller]
    pub fn target(&self, href: &Value) -> String {
        let href = href.as_str().expect("an href is text");
        let target = href.strip_prefix(&self.url());
        target
            .unwrap_or_else(|| panic!("{href} is absolute, and of the host that was asked"))
            .into()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.stdin.take());
        let _ = self.child.wait();
    }
}

/// A request that was sent.
pub struct Asked(TcpStream);

/// What came back.
pub struct Answer {
    pub status: u16,
    headers: Vec<(String, String)>,
    pub body: String,
    reader: BufReader<TcpStream>,
}

impl Asked {
    pub fn answer(self) -> Answer {
        let mut reader = BufReader::new(self.0);
        let mut line = || {
            let mut line = String::new();
            reader.read_line(&mut line).expect("a line of the head");
            line.trim_end().to_owned()
        };
        let first = line();
        let status = first.strip_prefix("HTTP/1.1 ").expect("HTTP/1.1");
        let status = status[..3].parse().expect("a status");
        let mut headers = Vec::new();
        loop {
            let line = line();
            let Some((name, value)) = line.split_once(": ") else {
                break;
            };
            headers.push((name.to_ascii_lowercase(), value.to_owned()));
        }
        let mut answer = Answer {
            status,
            headers,
            body: String::new(),
            reader,
        };
        let length = answer.header("content-length").expect("a length");
        let mut body = vec![0; length.parse().expect("a number")];
        answer.reader.read_exact(&mut body).expect("the whole body");
        answer.body = String::from_utf8(body).expect("UTF-8");
        answer
    }
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    /// The document of a 200.
    #[track_caller]
    pub fn ok(&self) -> Value {
        self.json(200)
    }

    /// The document of an answer with that status, as every client must find it.
    #[track_caller]
    pub fn json(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.body);
        let form = self.header("content-type").expect("a content type");
        assert!(form.starts_with("application/json"), "{form}");
        // Who asks for gzip takes what is not compressed too, but not what only says that it is.
        assert_eq!(self.header("content-encoding"), None);
        assert!(self.header("x-vcap-request-id").is_some());
        serde_json::from_str(&self.body).expect("JSON")
    }

    /// Whether nothing more comes: the server has closed the connection.
    pub fn ends(mut self) -> bool {
        matches!(self.reader.read(&mut [0]), Ok(0))
    }
}
