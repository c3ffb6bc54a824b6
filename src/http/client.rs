//! A minimal HTTP client, for `healthcheck`.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Empty;
use hyper::client::conn::http1;
use hyper::header::{CONNECTION, HOST};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;
use warp::http::Uri;

/// A URL whose scheme is `http`.
#[derive(Clone, Debug)]
pub struct HttpUrl {
    /// Host and port as they were given; the `Host` header.
    authority: String,
    host: String,
    port: u16,
    /// Path and query.
    target: String,
}

impl HttpUrl {
    /// Parses `http://HOST[:PORT][/PATH]`. An empty path becomes `default_path`. Returns `None` for anything else.
    pub fn parse(text: &str, default_path: &str) -> Option<Self> {
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
            authority: authority.as_str().to_owned(),
            host: address.unwrap_or(host).to_owned(),
            port: authority.port_u16().unwrap_or(80),
            target: if target == "/" { default_path } else { target }.to_owned(),
        })
    }
}

/// Sends `GET` and returns the status of the response. Tries every address of the host in turn. Each step, such as a
/// connection to one address, may take `step_timeout`.
///
/// # Errors
///
/// Fails if the host is unknown, if no address accepts the connection, or if the response is not HTTP.
pub async fn get_status(url: &HttpUrl, step_timeout: Duration) -> io::Result<u16> {
    let stream = connect(url, step_timeout).await?;
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

async fn connect(url: &HttpUrl, step_timeout: Duration) -> io::Result<TcpStream> {
    let mut failure = io::Error::other("the host has no address");
    for address in within(step_timeout, lookup_host((&*url.host, url.port))).await? {
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
            let parts = (&*url.authority, &*url.host, url.port, &*url.target);
            assert_eq!(parts, expected, "{text}");
        }
        for text in [
            "",
            "h",
            "h:80",
            "/healthz",
            "https://h",
            "http://",
            "http:///x",
            "http://a b",
        ] {
            assert!(HttpUrl::parse(text, "/").is_none(), "{text}");
        }
    }

    #[tokio::test]
    async fn every_address_of_a_host_is_tried() {
        // `localhost` may also resolve to `::1`, on which this listener does not listen.
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let url = HttpUrl::parse(&format!("http://localhost:{port}"), "/").unwrap();
        connect(&url, Duration::from_secs(60)).await.unwrap();
    }
}
