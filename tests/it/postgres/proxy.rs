//! A proxy before the PostgreSQL server, which a test can cut.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What the server says about a statement that was cancelled. About one that took too long, it says something else.
const CANCELLED: &[u8] = b"canceling statement due to user request";

/// Passes connections on to the server. Each of them can be cut, and new ones refused.
pub struct Proxy {
    address: SocketAddr,
    state: Arc<State>,
}

struct State {
    server: Mutex<String>,
    is_cut: AtomicBool,
    /// Whether answers of the server wait.
    is_frozen: AtomicBool,
    /// How many connections were opened, and how many of those hang.
    opened: AtomicUsize,
    hanging: AtomicUsize,
    /// Whether the next `commit` is passed on, and its answer is not.
    loses_commit: AtomicBool,
    /// How many connections were made.
    connections: AtomicUsize,
    /// How many statements were cancelled.
    cancelled: AtomicUsize,
    streams: Mutex<Vec<TcpStream>>,
}

impl Proxy {
    /// Starts a proxy to the server of `url`.
    pub fn start(url: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a listener");
        let address = listener.local_addr().expect("an address");
        let state = Arc::new(State {
            server: Mutex::new(server_of(url).to_owned()),
            is_cut: AtomicBool::new(false),
            is_frozen: AtomicBool::new(false),
            opened: AtomicUsize::new(0),
            hanging: AtomicUsize::new(0),
            loses_commit: AtomicBool::new(false),
            connections: AtomicUsize::new(0),
            cancelled: AtomicUsize::new(0),
            streams: Mutex::default(),
        });
        let shared = state.clone();
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                if shared.is_cut.load(Ordering::SeqCst) {
                    // Closed before the server answers: as if nobody listened.
                    continue;
                }
                shared.connections.fetch_add(1, Ordering::SeqCst);
                shared.pass_on(client);
            }
        });
        Self { address, state }
    }

    /// Returns `url` with the address of the proxy.
    pub fn url(&self, url: &str) -> String {
        url.replace(server_of(url), &self.address.to_string())
    }

    /// Cuts all connections, and refuses new ones until [`mend`](Self::mend).
    pub fn cut(&self) {
        self.state.is_cut.store(true, Ordering::SeqCst);
        self.cut_once();
    }

    /// Cuts all connections.
    pub fn cut_once(&self) {
        for stream in self.state.streams.lock().expect("streams").drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    /// Cuts all connections, and leads new ones to the server of `url`.
    pub fn lead_to(&self, url: &str) {
        server_of(url).clone_into(&mut self.state.server.lock().expect("a server"));
        self.cut_once();
    }

    pub fn mend(&self) {
        self.state.is_cut.store(false, Ordering::SeqCst);
    }

    /// Returns how many connections were passed on.
    pub fn connections(&self) -> usize {
        self.state.connections.load(Ordering::SeqCst)
    }

    /// Returns how many statements the program has cancelled.
    pub fn cancelled(&self) -> usize {
        self.state.cancelled.load(Ordering::SeqCst)
    }

    /// Lets the answers of the server wait, as if it had stopped in the middle, or passes them on.
    pub fn freeze(&self, is_frozen: bool) {
        self.state.is_frozen.store(is_frozen, Ordering::SeqCst);
    }

    /// Lets the answers to the connections that are open wait, and passes on those to new ones.
    pub fn freeze_open_ones(&self) {
        let opened = self.state.opened.load(Ordering::SeqCst);
        self.state.hanging.store(opened, Ordering::SeqCst);
    }

    /// Passes the next `commit` on to the server, and cuts the connection before its answer.
    pub fn lose_next_commit(&self) {
        self.state.loses_commit.store(true, Ordering::SeqCst);
    }
}

pub fn server_of(url: &str) -> &str {
    let after = url.rsplit_once('@').expect("a user").1;
    after.split('/').next().expect("a host")
}

impl State {
    fn pass_on(self: &Arc<Self>, client: TcpStream) {
        let server = self.server.lock().expect("a server").clone();
        let Ok(server) = TcpStream::connect(server) else {
            return;
        };
        let clones = [client.try_clone(), server.try_clone()];
        let [Ok(from_client), Ok(from_server)] = clones else {
            return;
        };
        let mut streams = self.streams.lock().expect("streams");
        streams.extend(
            [client.try_clone(), server.try_clone()]
                .into_iter()
                .flatten(),
        );
        drop(streams);
        let loses_answer = Arc::new(AtomicBool::new(false));
        let (state, loses) = (self.clone(), loses_answer.clone());
        std::thread::spawn(move || {
            copy(from_client, server, |bytes| {
                let commits = bytes.windows(7).any(|part| part == b"commit\0");
                if commits && state.loses_commit.swap(false, Ordering::SeqCst) {
                    loses.store(true, Ordering::SeqCst);
                }
                true
            });
        });
        let state = self.clone();
        let number = self.opened.fetch_add(1, Ordering::SeqCst);
        std::thread::spawn(move || {
            copy(from_server, client, |bytes| {
                if bytes.windows(CANCELLED.len()).any(|part| part == CANCELLED) {
                    state.cancelled.fetch_add(1, Ordering::SeqCst);
                }
                while state.is_frozen.load(Ordering::SeqCst)
                    || number < state.hanging.load(Ordering::SeqCst)
                {
                    std::thread::sleep(Duration::from_millis(10));
                }
                !loses_answer.load(Ordering::SeqCst)
            });
        });
    }
}

/// Copies until the end, or until `may_pass` says that the bytes may not pass. Then closes both.
fn copy(mut from: TcpStream, mut to: TcpStream, may_pass: impl Fn(&[u8]) -> bool) {
    let mut buffer = vec![0; 1 << 16];
    while let Ok(length) = from.read(&mut buffer) {
        let bytes = &buffer[..length];
        if length == 0 || !may_pass(bytes) || to.write_all(bytes).is_err() {
            break;
        }
    }
    let _ = from.shutdown(Shutdown::Both);
    let _ = to.shutdown(Shutdown::Both);
}
