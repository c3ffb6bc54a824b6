//! `--listen unix:PATH`.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::process::{Child, Stdio};

use crate::support::WorkDir;

/// A server on a socket. It is killed when it is dropped.
struct OnSocket(Child);

impl OnSocket {
    /// Starts a server on `s.sock` in `dir` and waits until it listens.
    fn start(dir: &WorkDir) -> Self {
        let child = dir
            .command()
            .args([
                "serve",
                "--ephemeral",
                "--seed",
                "demo",
                "--no-auth",
                "--listen",
                "unix:s.sock",
            ])
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .expect("the program starts");
        let mut server = Self(child);
        let stdout = server.0.stdout.take().expect("a standard output");
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line).expect("a line");
        let path = dir.path("s.sock");
        assert_eq!(line, format!("listening on unix:{}\n", path.display()));
        server
    }

    fn stop(mut self) {
        let pid = rustix::process::Pid::from_child(&self.0);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).expect("a signal");
        assert_eq!(self.0.wait().expect("the end").code(), Some(0));
    }

    fn kill(mut self) {
        self.0.kill().expect("killed");
        self.0.wait().expect("the end");
    }
}

impl Drop for OnSocket {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Returns the response to `GET /v3/packages` with that `Host`.
fn get(socket: &Path, host: &str) -> String {
    let mut stream = UnixStream::connect(socket).expect("a connection");
    let request = format!("GET /v3/packages HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).expect("sent");
    let mut response = String::new();
    stream.read_to_string(&mut response).expect("a response");
    response
}

#[test]
fn server_listens_on_a_private_socket_until_it_stops() {
    let dir = WorkDir::of_files();
    let server = OnSocket::start(&dir);
    let socket = dir.path("s.sock");
    let file = std::fs::symlink_metadata(&socket).expect("a file");
    assert!(file.file_type().is_socket());
    assert_eq!(file.permissions().mode() & 0o777, 0o600);
    // No browser connects to a socket, so every `Host` is answered unless hosts are named.
    assert!(get(&socket, "example.org").starts_with("HTTP/1.1 200 OK\r\n"));
    dir.run_ok(&["healthcheck", "unix:s.sock"]);
    server.stop();
    assert!(!socket.exists());
    let output = dir.run(&["healthcheck", "unix:s.sock"]);
    assert_eq!(output.status, 1);
    assert!(
        output.stderr.contains("`unix:s.sock` does not answer"),
        "{}",
        output.stderr
    );
}

#[test]
fn socket_of_a_killed_server_is_replaced() {
    let dir = WorkDir::of_files();
    OnSocket::start(&dir).kill();
    assert!(dir.path("s.sock").exists());
    let server = OnSocket::start(&dir);
    assert!(get(&dir.path("s.sock"), "localhost").starts_with("HTTP/1.1 200 OK\r\n"));
    server.stop();
}

#[test]
fn socket_of_another_server_and_other_files_are_kept() {
    let dir = WorkDir::of_files();
    let refused = |path: &str, cause: &str| {
        let address = format!("unix:{path}");
        let output = dir.run(&["serve", "--ephemeral", "--listen", &address]);
        assert_eq!(output.status, 1, "{path}");
        let expected =
            format!("cannot listen on `{address}`: {cause}; name another with `--listen`");
        assert!(output.stderr.contains(&expected), "{}", output.stderr);
    };
    let _other = UnixListener::bind(dir.path("other.sock")).expect("a socket");
    refused("other.sock", "another server listens there");
    assert!(dir.path("other.sock").exists());
    dir.write("file", "kept");
    refused("file", "the file exists and is not a socket");
    assert_eq!(dir.read("file"), b"kept");
    std::os::unix::fs::symlink("other.sock", dir.path("link")).expect("a link");
    refused("link", "the file exists and is not a socket");
    refused("none/s.sock", "no such file or directory");
}

#[test]
fn socket_that_another_program_has_put_in_place_is_not_removed() {
    let dir = WorkDir::of_files();
    let server = OnSocket::start(&dir);
    let socket = dir.path("s.sock");
    std::fs::rename(&socket, dir.path("moved.sock")).expect("moved");
    let _other = UnixListener::bind(&socket).expect("a socket");
    server.stop();
    assert!(socket.exists());
}

#[test]
fn of_servers_that_start_at_the_same_time_one_listens() {
    let dir = WorkDir::of_files();
    OnSocket::start(&dir).kill();
    let start = || {
        dir.command()
            .args([
                "serve",
                "--ephemeral",
                "--no-auth",
                "--exit-with-stdin",
                "--listen",
                "unix:s.sock",
            ])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts")
    };
    let mut servers: Vec<Child> = (0..3).map(|_| start()).collect();
    // Each prints the line, or ends.
    let listening = servers.iter_mut().filter_map(|server| {
        let mut line = String::new();
        let stdout = server.stdout.as_mut().expect("a standard output");
        BufReader::new(stdout).read_line(&mut line).expect("a line");
        (!line.is_empty()).then_some(line)
    });
    assert_eq!(listening.count(), 1);
    assert!(get(&dir.path("s.sock"), "localhost").starts_with("HTTP/1.1 200 OK\r\n"));
    for mut server in servers {
        drop(server.stdin.take());
        server.wait().expect("the end");
    }
    assert!(!dir.path("s.sock").exists());
}
