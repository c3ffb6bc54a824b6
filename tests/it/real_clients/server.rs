//! A server, and requests exactly as a client sends them.

use std::ops::Deref;
use std::sync::OnceLock;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::Value;

use crate::support::{self, Connection, Response, command};

/// The password of every user.
pub const PASSWORD: &str = "correct horse";

/// Returns the time of the system in seconds since 1970.
pub fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    i64::try_from(since.as_secs()).unwrap()
}

/// A server with a temporary database. It ends when it is dropped, or when the process of the tests ends.
pub struct Server {
    program: Option<support::Server>,
    pub host: String,
}

impl Server {
    /// Starts `serve --ephemeral` with more flags.
    pub fn start(flags: &[&str]) -> Self {
        let program = support::Server::start(
            command(&std::env::temp_dir())
                .args(["--ephemeral", "--exit-with-stdin"])
                .args(flags)
                .env("CF_PACKAGES_LOGIN_PASSWORD", PASSWORD),
        );
        Self {
            host: program.address().to_string(),
            program: Some(program),
        }
    }

    /// Returns the server that all tests share: edition `current`, seed `demo`, with login.
    pub fn demo() -> &'static Self {
        static DEMO: OnceLock<Server> = OnceLock::new();
        DEMO.get_or_init(|| Self::start(&["--api", "current", "--seed", "demo", "--login"]))
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.host)
    }

    /// Sends a request on a new connection and reads the response.
    pub fn send(&self, head: &[&str], body: &str) -> ClientResponse {
        self.open(head, body).response()
    }

    /// Sends a request on a new connection. `head` is the request line and the headers, in which `HOST` stands for the
    /// address of the server.
    pub fn open(&self, head: &[&str], body: &str) -> PendingResponse {
        self.open_bytes(head, body.as_bytes())
    }

    /// Does the same for a body that need not be text.
    pub fn open_bytes(&self, head: &[&str], body: &[u8]) -> PendingResponse {
        let mut connection = Connection::open(self.host.parse().expect("an address"));
        let head = head.join("\r\n").replace("HOST", &self.host);
        connection.send([head.as_bytes(), b"\r\n\r\n", body].concat());
        PendingResponse(connection)
    }

    /// Returns the path and query of an href, which must be absolute and name this server.
    #[track_caller]
    pub fn target(&self, href: &Value) -> String {
        let href = href.as_str().expect("an href is text");
        let target = href.strip_prefix(&self.url());
        target
            .unwrap_or_else(|| panic!("{href} is not a URL of {}", self.url()))
            .into()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(program) = self.program.take() {
            program.close_stdin();
        }
    }
}

/// A request whose response has not been read.
pub struct PendingResponse(Connection);

impl PendingResponse {
    pub fn response(mut self) -> ClientResponse {
        let response = self.0.read(false).expect("a response");
        assert_eq!(response.version, "HTTP/1.1");
        assert!(response.header("content-length").is_some());
        ClientResponse {
            response,
            connection: self.0,
        }
    }
}

/// A response, and the connection it came from.
pub struct ClientResponse {
    response: Response,
    connection: Connection,
}

impl Deref for ClientResponse {
    type Target = Response;

    fn deref(&self) -> &Response {
        &self.response
    }
}

impl ClientResponse {
    /// Returns the document of a 200.
    #[track_caller]
    pub fn ok(&self) -> Value {
        self.json(200)
    }

    /// Returns the document of a response with that status, after checks that hold for every client.
    #[track_caller]
    pub fn json(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.body);
        let media_type = self.header("content-type").expect("a content type");
        assert!(media_type.starts_with("application/json"), "{media_type}");
        // The clients accept gzip, and an uncompressed body. The body was decoded as declared.
        assert!([None, Some("gzip")].contains(&self.header("content-encoding")));
        assert!(self.header("x-vcap-request-id").is_some());
        serde_json::from_str(&self.body).expect("JSON")
    }

    /// Returns whether the server closes the connection after the response.
    pub fn closes_connection(mut self) -> bool {
        self.connection.is_ended()
    }
}
