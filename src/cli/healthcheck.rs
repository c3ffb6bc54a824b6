//! `healthcheck`: whether a server is up and seeded, for containers without a shell.

use std::io::{Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

use super::CommandError;

/// What is asked without an argument.
const DEFAULT: &str = "http://127.0.0.1:8080/healthz";
/// How long each step may take.
const TIMEOUT: Duration = Duration::from_secs(5);

/// What `healthcheck` takes.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The server, or its health route: `http://HOST:PORT[/healthz]`
    #[arg(value_name = "URL", default_value = DEFAULT)]
    url: String,
}

/// Exit 0 if the server answers 200.
pub fn run(args: Args) -> Result<(), CommandError> {
    let (host, path) = parts(&args.url).ok_or_else(|| {
        CommandError::Usage(format!(
            "`{}` is no URL of a server; give one as `{DEFAULT}`",
            args.url
        ))
    })?;
    let unwell = |what: String| CommandError::Failed(format!("`{}` {what}", args.url));
    let status = ask(host, path).map_err(|error| {
        let text = crate::error_text::os_error(&error);
        unwell(format!("does not answer: {text}; is the server running?"))
    })?;
    if status == "200" {
        Ok(())
    } else {
        Err(unwell(format!("answers {status}; it is not healthy")))
    }
}

/// Host with port, and path.
fn parts(url: &str) -> Option<(&str, &str)> {
    let rest = url.strip_prefix("http://")?;
    let (host, path) = match rest.find('/') {
        Some(slash) => rest.split_at(slash),
        None => (rest, ""),
    };
    let plain = !host.is_empty() && !url.contains(|c: char| c.is_whitespace() || c.is_control());
    plain.then_some((host, if path.len() <= 1 { "/healthz" } else { path }))
}

/// The status of `GET path`.
fn ask(host: &str, path: &str) -> std::io::Result<String> {
    let unreachable = || std::io::Error::other("there is no such host");
    let port = !host.ends_with(']') && host.rsplit_once(':').is_some();
    let address = if port {
        host.to_owned()
    } else {
        format!("{host}:80")
    };
    let address = address.to_socket_addrs()?.next().ok_or_else(unreachable)?;
    let mut stream = TcpStream::connect_timeout(&address, TIMEOUT)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    stream.set_write_timeout(Some(TIMEOUT))?;
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
    )?;
    let mut head = [0; 64];
    let mut length = 0;
    while length < head.len() {
        match stream.read(&mut head[length..])? {
            0 => break,
            more => length += more,
        }
    }
    let head = String::from_utf8_lossy(&head[..length]);
    let status = head
        .strip_prefix("HTTP/1.")
        .and_then(|rest| rest.split(' ').nth(1));
    status
        .map(|status| status.chars().take(3).collect())
        .ok_or_else(|| std::io::Error::other("it speaks no HTTP"))
}
