//! A minimal HTTP client: sockets that stay open, prepared requests, one request at a time per socket. Its cost is part
//! of both figures of a ratio, so it does nothing else.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::measure::{Meter, Rounds};
use crate::{Error, Result};

/// The host in the requests. It is part of the hrefs, so the same page has the same bytes from every server.
pub const HOST: &str = "packages.localhost";
/// Threads of the client.
const THREADS: usize = 2;
/// Connections of each thread, unless a row says otherwise.
const CONNECTIONS: usize = 8;
/// A read fails after this time. No response takes as long.
const TIMEOUT: Duration = Duration::from_secs(120);

/// Returns the bytes of `GET target` with that token.
pub fn get(target: &str, token: &str) -> Vec<u8> {
    format!("GET {target} HTTP/1.1\r\nHost: {HOST}\r\nAuthorization: bearer {token}\r\n\r\n")
        .into_bytes()
}

/// Returns the body of one response.
pub fn body(address: SocketAddr, request: &[u8]) -> Result<Vec<u8>> {
    let mut connection = Connection::open(address)?;
    connection.send(request)?;
    Ok(connection.receive()?.to_vec())
}

/// Sends a request that lies in several parts of memory. The status of the response must be 200.
pub fn upload(address: SocketAddr, parts: &[&[u8]]) -> Result<()> {
    let mut connection = Connection::open(address)?;
    for part in parts {
        connection.send(part)?;
    }
    connection.receive().map(drop)
}

/// Sends the requests again and again, one at a time on each of 16 connections. Returns responses per second.
pub fn rate(address: SocketAddr, requests: &[Vec<u8>], rounds: &Rounds) -> Result<f64> {
    rate_over(THREADS * CONNECTIONS, address, requests, rounds)
}

/// Does the same as [`rate`] on so many connections.
pub fn rate_over(
    connections: usize,
    address: SocketAddr,
    requests: &[Vec<u8>],
    rounds: &Rounds,
) -> Result<f64> {
    let of_thread = connections / THREADS;
    together(THREADS, |thread| {
        let mut connections = (0..of_thread)
            .map(|_| Connection::open(address))
            .collect::<Result<Vec<_>>>()?;
        let mut next = requests.iter().cycle().skip(thread);
        let mut send = |connection: &mut Connection| match next.next() {
            Some(request) => connection.send(request),
            None => Err("there are no requests".into()),
        };
        for connection in &mut connections {
            send(connection)?;
        }
        let mut meter = Meter::start(rounds);
        // While this thread reads one response, the server works on the others.
        for turn in (0..of_thread).cycle() {
            let connection = &mut connections[turn];
            connection.receive()?;
            if !meter.tick() {
                break;
            }
            send(connection)?;
        }
        Ok(meter.rate())
    })
    .map(|rates| rates.iter().sum())
}

/// Sends the requests, `count` in all, one at a time on one connection. Returns the times until the responses, in seconds.
pub fn latencies(address: SocketAddr, requests: &[Vec<u8>], count: usize) -> Result<Vec<f64>> {
    let mut connection = Connection::open(address)?;
    let mut times = Vec::with_capacity(count);
    for request in requests.iter().cycle().take(count) {
        let started = Instant::now();
        connection.send(request)?;
        connection.receive()?;
        times.push(started.elapsed().as_secs_f64());
    }
    Ok(times)
}

/// Sends the request again and again on one connection. Returns responses per second.
pub fn rate_of_one(address: SocketAddr, request: &[u8], rounds: &Rounds) -> Result<f64> {
    let mut connection = Connection::open(address)?;
    let mut meter = Meter::start(rounds);
    loop {
        connection.send(request)?;
        connection.receive()?;
        if !meter.tick() {
            return Ok(meter.rate());
        }
    }
}

/// Sends each request once. Returns the elapsed time and the number of bytes of all bodies.
pub fn once(
    address: SocketAddr,
    requests: &[Vec<u8>],
    connections: usize,
) -> Result<(Duration, usize)> {
    let next = AtomicUsize::new(0);
    let started = Instant::now();
    let lengths = together(connections, |_| {
        let mut connection = Connection::open(address)?;
        let mut length = 0;
        while let Some(request) = requests.get(next.fetch_add(1, Ordering::Relaxed)) {
            connection.send(request)?;
            length += connection.receive()?.len();
        }
        Ok(length)
    })?;
    Ok((started.elapsed(), lengths.iter().sum()))
}

/// Runs `work` on `threads` threads. Returns their results, or the first error.
pub fn together<T: Send>(
    threads: usize,
    work: impl Fn(usize) -> Result<T> + Sync,
) -> Result<Vec<T>> {
    thread::scope(|scope| {
        let work = &work;
        let running: Vec<_> = (0..threads)
            .map(|thread| scope.spawn(move || work(thread)))
            .collect();
        running
            .into_iter()
            .map(|thread| {
                let ended = thread.join();
                ended.unwrap_or_else(|_| Err("a thread panicked".into()))
            })
            .collect()
    })
}

/// A connection with at most one request in flight.
struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Connection {
    fn open(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(TIMEOUT))?;
        Ok(Self {
            stream,
            buffer: vec![0; 1 << 16],
        })
    }

    fn send(&mut self, request: &[u8]) -> Result<()> {
        Ok(self.stream.write_all(request)?)
    }

    /// Reads the next response, whose status must be 200 or 201. Returns the body.
    fn receive(&mut self) -> Result<&[u8]> {
        let mut filled = 0;
        let head = loop {
            filled += self.read(filled)?;
            if let Some(head) = head_length(&self.buffer[..filled]) {
                break head;
            }
        };
        let whole = head + body_length(&self.buffer[..head])?;
        if self.buffer.len() < whole {
            self.buffer.resize(whole, 0);
        }
        while filled < whole {
            filled += self.read(filled)?;
        }
        Ok(&self.buffer[head..whole])
    }

    fn read(&mut self, filled: usize) -> Result<usize> {
        match self.stream.read(&mut self.buffer[filled..])? {
            0 => Err("the server closed a connection before the end of a response".into()),
            read => Ok(read),
        }
    }
}

fn head_length(response: &[u8]) -> Option<usize> {
    let end = response.windows(4).position(|four| four == b"\r\n\r\n")?;
    Some(end + 4)
}

fn body_length(head: &[u8]) -> Result<usize> {
    let head = std::str::from_utf8(head)?;
    let refused = || -> Error { format!("a response begins with {head:?}").into() };
    if !["HTTP/1.1 200 ", "HTTP/1.1 201 "]
        .iter()
        .any(|line| head.starts_with(line))
    {
        return Err(refused());
    }
    head.lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .and_then(|(_, length)| length.trim().parse().ok())
        .ok_or_else(refused)
}
