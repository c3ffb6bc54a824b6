//! The real binary in a folder of its own, run to its end or serving.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::thread::JoinHandle;
use std::time::Duration;

/// The binary, a folder that goes away, and an environment without settings.
pub struct Bench {
    folder: tempfile::TempDir,
}

/// What a run of the binary answered.
#[derive(Debug)]
pub struct Ran {
    pub status: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Bench {
    pub fn new() -> Self {
        Self {
            folder: tempfile::tempdir().expect("a temporary folder"),
        }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn write(&self, name: &str, contents: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, contents).expect("a file is written");
        path
    }

    pub fn bytes(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.path(name)).expect("a file is read")
    }

    /// The names in the folder.
    pub fn names(&self) -> Vec<String> {
        let mut names: Vec<_> = std::fs::read_dir(self.folder.path())
            .expect("a folder is read")
            .map(|entry| {
                entry
                    .expect("an entry")
                    .file_name()
                    .to_string_lossy()
                    .into_owned()
            })
            .collect();
        names.sort();
        names
    }

    pub fn command(&self) -> Command {
        command(self.folder.path())
    }

    pub fn run(&self, arguments: &[&str]) -> Ran {
        self.run_with(arguments, b"")
    }

    /// Runs with `input` on standard input.
    pub fn run_with(&self, arguments: &[&str], input: &[u8]) -> Ran {
        let mut child = self
            .command()
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary starts");
        let mut stdin = child.stdin.take().expect("a standard input");
        let input = input.to_owned();
        // Whoever refuses early reads no further.
        let writer = std::thread::spawn(move || {
            let _ = stdin.write_all(&input);
        });
        let output = child.wait_with_output().expect("the binary ends");
        writer.join().expect("the input is written");
        Ran {
            status: output.status.code().expect("an exit code"),
            stdout: String::from_utf8(output.stdout).expect("UTF-8 on stdout"),
            stderr: String::from_utf8(output.stderr).expect("UTF-8 on stderr"),
        }
    }

    /// Runs what must succeed, silently on stderr; its stdout.
    pub fn ok(&self, arguments: &[&str]) -> String {
        let ran = self.run(arguments);
        assert_eq!((ran.status, ran.stderr.as_str()), (0, ""), "{arguments:?}");
        ran.stdout
    }
}

/// The binary, run in `folder`, with none of the settings that whoever runs the tests may have.
pub fn command(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cf-packages"));
    command.current_dir(folder);
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("CF_PACKAGES_") {
            command.env_remove(name);
        }
    }
    // The hosts that requests of the tests name.
    command.env("CF_PACKAGES_ALLOWED_HOST", "example.org,x");
    command
}

/// How long anything may take that is waited for; only what hangs takes so long.
const PATIENCE: Duration = Duration::from_secs(60);

/// The real binary, serving; killed when dropped.
pub struct Server {
    child: Child,
    address: SocketAddr,
    rest: BufReader<ChildStdout>,
    stderr: Option<JoinHandle<String>>,
}

impl Bench {
    /// Serves with these flags on a free port; the port is read from the one line on stdout.
    pub fn serve(&self, flags: &[&str]) -> Server {
        Server::start(self.command().args(flags))
    }

    /// Serves with these flags on a free port, with at most `files` open files.
    pub fn serve_with_file_limit(&self, files: u32, flags: &[&str]) -> Server {
        let command = self.command();
        let mut shell = Command::new("sh");
        shell.current_dir(self.folder.path());
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => shell.env(name, value),
                None => shell.env_remove(name),
            };
        }
        let script = format!("ulimit -n {files}; exec \"$0\" \"$@\"");
        shell
            .args(["-c", &script])
            .arg(command.get_program())
            .args(["serve", "--listen", "127.0.0.1:0"])
            .args(flags);
        Server::start_whole(&mut shell)
    }

    /// A bearer token for that user, signed with the key of `packages.db`.
    pub fn token(&self, user: &str) -> String {
        self.ok(&["token", "--user", user]).trim_end().to_owned()
    }

    /// A bearer token for an admin, signed with the key of `packages.db`.
    pub fn admin_token(&self) -> String {
        self.ok(&["token", "--admin"]).trim_end().to_owned()
    }
}

impl Server {
    /// `command` is the binary with the flags of `serve`, `serve` itself left out.
    pub fn start(command: &mut Command) -> Self {
        let flags: Vec<_> = command.get_args().map(|flag| flag.to_owned()).collect();
        let mut serve = Command::new(command.get_program());
        serve
            .args(["serve", "--listen", "127.0.0.1:0"])
            .args(&flags);
        if let Some(folder) = command.get_current_dir() {
            serve.current_dir(folder);
        }
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => serve.env(name, value),
                None => serve.env_remove(name),
            };
        }
        Self::start_whole(&mut serve)
    }

    /// Starts a command that runs `serve` with all of its flags.
    pub fn start_whole(serve: &mut Command) -> Self {
        let mut child = serve
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary starts");
        let mut rest = BufReader::new(child.stdout.take().expect("a standard output"));
        let mut errors = child.stderr.take().expect("a standard error");
        let stderr = std::thread::spawn(move || {
            let mut text = Vec::new();
            let _ = errors.read_to_end(&mut text);
            String::from_utf8_lossy(&text).into_owned()
        });
        let mut line = String::new();
        rest.read_line(&mut line).expect("a line is read");
        let Some(address) = line
            .strip_prefix("listening on http://")
            .and_then(|address| address.trim_end().parse().ok())
        else {
            let _ = child.wait();
            panic!(
                "{line:?} instead of the listening line; {}",
                stderr.join().expect("stderr is read")
            );
        };
        Self {
            child,
            address,
            rest,
            stderr: Some(stderr),
        }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    pub fn connect(&self) -> Client {
        let stream = TcpStream::connect(self.address).expect("a connection");
        stream
            .set_read_timeout(Some(PATIENCE))
            .expect("a time-out is set");
        Client {
            stream: BufReader::new(stream),
        }
    }

    /// Sends `raw` on a connection of its own; the first answer.
    pub fn ask(&self, raw: impl AsRef<[u8]>) -> Answer {
        let mut client = self.connect();
        let head = raw.as_ref().starts_with(b"HEAD ");
        client.send(raw);
        client.read(head).expect("an answer")
    }

    /// `GET target` with that token, or without.
    pub fn get(&self, target: &str, token: &str) -> Answer {
        self.ask(get(target, token))
    }

    /// Sends SIGTERM without the time that it takes to start another process.
    pub fn terminate(&self) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).expect("a signal");
    }

    pub fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        let killed = Command::new("sh")
            .args(["-c", "kill -s \"$0\" \"$1\"", name, &pid])
            .status();
        assert!(killed.expect("a shell").success(), "kill -s {name}");
    }

    /// Waits for the end: exit code (none: killed by a signal), what else stood on stdout, stderr.
    pub fn wait(mut self) -> (Option<i32>, String, String) {
        let status = self.child.wait().expect("the binary ends");
        let mut rest = String::new();
        self.rest
            .read_to_string(&mut rest)
            .expect("UTF-8 on stdout");
        let stderr = self
            .stderr
            .take()
            .map(|stderr| stderr.join().expect("stderr is read"));
        (status.code(), rest, stderr.unwrap_or_default())
    }

    /// SIGTERM and its end, which must be a good one.
    pub fn stop(self) {
        self.signal("TERM");
        assert_eq!(self.wait(), (Some(0), String::new(), String::new()));
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// `GET target`, with a token unless that is empty.
pub fn get(target: &str, token: &str) -> String {
    let authorization = match token {
        "" => String::new(),
        token => format!("Authorization: bearer {token}\r\n"),
    };
    format!("GET {target} HTTP/1.1\r\nHost: example.org\r\n{authorization}\r\n")
}

/// One connection.
pub struct Client {
    stream: BufReader<TcpStream>,
}

impl Client {
    pub fn send(&mut self, raw: impl AsRef<[u8]>) {
        // A server that has refused already may have closed.
        let _ = self.stream.get_mut().write_all(raw.as_ref());
    }

    /// No more will be sent.
    pub fn half_close(&mut self) {
        let _ = self.stream.get_mut().shutdown(Shutdown::Write);
    }

    /// The next answer, or `None` where the connection ended instead. The answer to HEAD has no body.
    pub fn read(&mut self, to_head: bool) -> Option<Answer> {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            if self.stream.read_until(b'\n', &mut head).ok()? == 0 {
                return None;
            }
        }
        let head = String::from_utf8(head).expect("a head in ASCII");
        let (line, headers) = head.split_once("\r\n").expect("a status line");
        let status = line
            .split(' ')
            .nth(1)
            .and_then(|status| status.parse().ok());
        let mut answer = Answer {
            status: status.expect("a status"),
            headers: headers
                .lines()
                .filter_map(|line| line.split_once(": "))
                .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
                .collect(),
            body: String::new(),
        };
        if !to_head && answer.header("transfer-encoding") == Some("chunked") {
            answer.body = String::from_utf8(self.read_chunks()?).expect("a body in UTF-8");
        } else if !to_head {
            let length = answer
                .header("content-length")
                .and_then(|length| length.parse().ok());
            let mut body = vec![0; length.unwrap_or(0)];
            self.stream.read_exact(&mut body).expect("a whole body");
            answer.body = String::from_utf8(body).expect("a body in UTF-8");
        }
        Some(answer)
    }

    /// Reads a chunked body, or `None` if the connection ended before the body did.
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

    /// Whether the server ended the connection, without another byte.
    pub fn is_ended(&mut self) -> bool {
        let mut byte = [0];
        !matches!(self.stream.read(&mut byte), Ok(1))
    }
}

/// What a server answered.
#[derive(Debug, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.iter().filter(|(known, _)| known == name);
        let value = values.next().map(|(_, value)| value.as_str());
        assert!(
            values.next().is_none(),
            "{name} stands twice in {:?}",
            self.headers
        );
        value
    }

    /// Status and body, for a comparison of both.
    pub fn told(&self) -> (u16, &str) {
        (self.status, &self.body)
    }
}

/// A refusal as the edition 2015 writes it.
pub fn refusal(code: u32, error_code: &str, description: &str) -> String {
    format!(
        "{{\n  \"code\": {code},\n  \"description\": \"{description}\",\n  \"error_code\": \"{error_code}\"\n}}"
    )
}

/// 404 for a route that there is not.
pub fn unknown_request() -> String {
    refusal(10000, "CF-NotFound", "Unknown request")
}
