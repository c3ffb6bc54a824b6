//! A minimal HTTP client, for `healthcheck`.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Empty;
use hyper::client::conn::http1;
use hyper::header::{CONNECTION, HOST};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream, lookup_host};
use tokio::time::timeout;
use warp::http::Uri;

/// A URL whose scheme is `http`, or the socket of a server.
#[derive(Clone, Debug)]
pub struct HttpUrl {
    server: Server,
    /// The `Host` header: host and port as they were given.
    authority: String,
    /// Path and query.
    target: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Server {
    Tcp { host: String, port: u16 },
    Unix(PathBuf),
}

impl HttpUrl {
    /// Parses `http://HOST[:PORT][/PATH]`, or `unix:SOCKET`. An empty path becomes `default_path`, and so does that of a
    /// socket. Returns `None` for anything else.
    pub fn parse(text: &str, default_path: &str) -> Option<Self> {
        if let Some(socket) = text.strip_prefix("unix:").filter(|path| !path.is_empty()) {
            return Some(Self {
                server: Server::Unix(socket.into()),
                authority: "localhost".to_owned(),
                target: default_path.to_owned(),
            });
        }
        let uri: Uri = text.parse().ok()?;
        let authority = uri
            .authority()
            .filter(|_| uri.scheme_str() == Some("http"))?;
        let target = uri.path_and_query().map_or("/", |target| target.as_str());
        let host = authority.host();
        // The resolver takes an IPv6 address without its brackets.
        let address = host
            .strip_prefix('[')
            .and_then(|host| host.strip_suffix(']'));
        Some(Self {
            server: Server::Tcp {
                host: address.unwrap_or(host).to_owned(),
                port: authority.port_u16().unwrap_or(80),
            },
            authority: authority.as_str().to_owned(),
            target: if target == "/" { default_path } else { target }.to_owned(),
        })
    }
}

/// Sends `GET` and returns the status of the response. Tries every address of the host in turn. Each step, such as a
/// connection to one address, may take `step_timeout`.
///
/// # Errors
///
/// Fails if the host is unknown, if neither an address nor the socket accepts a connection, or if the response is not HTTP.
pub async fn get_status(url: &HttpUrl, step_timeout: Duration) -> io::Result<u16> {
    match &url.server {
        Server::Tcp { host, port } => {
            let stream = connect(host, *port, step_timeout).await?;
            get_over(stream, url, step_timeout).await
        }
        Server::Unix(path) => {
            let stream = within(step_timeout, UnixStream::connect(path)).await?;
            get_over(stream, url, step_timeout).await
        }
    }
}

async fn get_over(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    url: &HttpUrl,
    step_timeout: Duration,
) -> io::Result<u16> {
    let request = hyper::Request::get(&url.target)
        .header(HOST, &url.authority)
        .header(CONNECTION, "close")
        .body(Empty::<Bytes>::new())
        .map_err(io::Error::other)?;
    let exchange = async {
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        let connection = tokio::spawn(connection);
        let response = sender.send_request(request).await;
        connection.abort();
        response
    };
    let response = within(step_timeout, async { exchange.await.map_err(plain) }).await?;
    Ok(response.status().as_u16())
}

async fn connect(host: &str, port: u16, step_timeout: Duration) -> io::Result<TcpStream> {
    let mut failure = io::Error::other("the host has no address");
    for address in within(step_timeout, lookup_host((host, port))).await? {
        match within(step_timeout, TcpStream::connect(address)).await {
            Ok(stream) => return Ok(stream),
            Err(error) => failure = error,
        }
    }
    Err(failure)
}

async fn within<T>(limit: Duration, step: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    timeout(limit, step)
        .await
        .unwrap_or_else(|_| Err(io::Error::new(io::ErrorKind::TimedOut, "timed out")))
}

/// Returns the I/O error that caused an error of hyper, or an error with hyper's text.
fn plain(error: hyper::Error) -> io::Error {
    let source = std::error::Error::source(&error);
    match source.and_then(|source| source.downcast_ref::<io::Error>()) {
        Some(source) => io::Error::new(source.kind(), source.to_string()),
        None if error.is_parse() => io::Error::other("the response is malformed"),
        None => io::Error::other(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn url_is_split_into_host_port_and_target() {
        for (text, expected) in [
            ("http://h", ("h", "h", 80, "/healthz")),
            ("http://h/", ("h", "h", 80, "/healthz")),
            (
                "http://127.0.0.1:8080/x?y=1",
                ("127.0.0.1:8080", "127.0.0.1", 8080, "/x?y=1"),
            ),
            ("http://[::1]:8080", ("[::1]:8080", "::1", 8080, "/healthz")),
        ] {
            let url = HttpUrl::parse(text, "/healthz").unwrap();
            let (authority, host, port, target) = expected;
            let server = Server::Tcp {
                host: host.into(),
                port,
            };
            let parts = (url.server, &*url.authority, &*url.target);
            assert_eq!(parts, (server, authority, target), "{text}");
        }
        let url = HttpUrl::parse("unix:/run/x.sock", "/healthz").unwrap();
        assert_eq!(url.server, Server::Unix("/run/x.sock".into()));
        assert_eq!(url.target, "/healthz");
        for text in [
            "",
            "h",
            "h:80",
            "/healthz",
            "https://h",
            "http://",
            "http:///x",
            "http://a b",
            "unix:",
        ] {
            assert!(HttpUrl::parse(text, "/").is_none(), "{text}");
        }
    }

    #[tokio::test]
    async fn every_address_of_a_host_is_tried() {
        // `localhost` may also resolve to `::1`, on which this listener does not listen.
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        connect("localhost", port, Duration::from_secs(60))
            .await
            .unwrap();
    }
}
