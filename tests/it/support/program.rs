//! The compiled program, run in a temporary folder.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::mpsc::{Sender, channel};
use std::thread::JoinHandle;

use cf_packages::store::{Durability, Location, StoreError};

use super::database::Schema;
use super::http::{Connection, Response, get};

/// A temporary folder in which the program runs, without settings from the environment.
///
/// Its database is `packages.db`, or a schema of the PostgreSQL server on which tests run.
pub struct WorkDir {
    folder: tempfile::TempDir,
    schema: Option<Schema>,
}

/// A transaction that keeps all other writers waiting until it is dropped.
pub struct HeldWriters {
    release: Option<Sender<()>>,
    transaction: Option<JoinHandle<()>>,
}

impl Drop for HeldWriters {
    fn drop(&mut self) {
        drop(self.release.take());
        let ended = self.transaction.take().map(JoinHandle::join);
        assert!(ended.is_none_or(|ended| ended.is_ok()) || std::thread::panicking());
    }
}

/// The result of a run of the program.
#[derive(Debug)]
pub struct Output {
    pub status: i32,
    pub stdout: String,
    pub stderr: String,
}

impl WorkDir {
    pub fn new() -> Self {
        Self {
            folder: tempfile::tempdir().expect("a temporary folder"),
            schema: Schema::new(),
        }
    }

    /// Returns a folder whose database is `packages.db`, for tests about files.
    pub fn of_files() -> Self {
        Self {
            folder: tempfile::tempdir().expect("a temporary folder"),
            schema: None,
        }
    }

    /// Returns where the database of this folder is.
    pub fn location(&self) -> Location {
        match &self.schema {
            Some(schema) => schema.location(),
            None => Location::File(self.path("packages.db")),
        }
    }

    /// Returns what `--db` takes for the database of this folder.
    pub fn database(&self) -> String {
        match &self.schema {
            Some(schema) => schema.url().to_owned(),
            None => "packages.db".into(),
        }
    }

    /// Returns the names of the files that the database of this folder consists of while no program uses it.
    pub fn database_files(&self) -> &'static [&'static str] {
        match &self.schema {
            Some(_) => &[],
            None => &["packages.db"],
        }
    }

    /// Runs a statement over the database of this folder, and returns the text in the first column of each row.
    pub fn rows(&self, sql: &str) -> Vec<String> {
        let store = self.location().open_for_reading().expect("opens");
        let mut rows = Vec::new();
        let read = store.read_blocking(|snapshot| {
            snapshot.rows(sql, &[], |row| {
                rows.push(row.text(0)?.to_owned());
                Ok::<_, StoreError>(())
            })
        });
        read.expect("the rows can be read");
        rows
    }

    /// Runs a statement over the database of this folder, and returns the number that it finds.
    pub fn number(&self, sql: &str) -> i64 {
        let store = self.location().open_for_reading().expect("opens");
        let number = store.read_blocking(|snapshot| snapshot.int(sql, &[]));
        number.expect("the number can be read").expect("a row")
    }

    /// Runs statements that change the database of this folder. Returns how many rows they changed.
    pub fn change(&self, statements: &[&str]) -> usize {
        let store = self.location().open(Durability::Full).expect("opens");
        let changed = store.write_patiently(|transaction| {
            let run = |sql: &&str| transaction.execute(sql, &[]);
            statements
                .iter()
                .map(run)
                .sum::<Result<usize, StoreError>>()
        });
        changed.expect("the database can be changed")
    }

    /// Begins a transaction of another program, for which all writers of the database of this folder wait.
    pub fn hold_writers(&self) -> HeldWriters {
        let store = self.location().open(Durability::Full).expect("opens");
        let ((hold, held), (release, released)) = (channel::<()>(), channel::<()>());
        let transaction = std::thread::spawn(move || {
            let written = store.write(|_| {
                hold.send(()).expect("the test waits");
                // Fails when the test releases the writers.
                let _ = released.recv();
                Ok::<_, StoreError>(())
            });
            written.expect("a transaction");
        });
        held.recv().expect("the transaction begins");
        HeldWriters {
            release: Some(release),
            transaction: Some(transaction),
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

    pub fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.path(name)).expect("a file is read")
    }

    /// Returns the names of the files and folders in it, sorted.
    pub fn file_names(&self) -> Vec<String> {
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
        let mut command = command(self.folder.path());
        if let Some(schema) = &self.schema {
            command.env("CF_PACKAGES_DB", schema.url());
        }
        command
    }

    fn command_of(&self, arguments: &[&str]) -> Command {
        let mut command = self.command();
        command.args(arguments);
        name_no_database_in_vain(&mut command);
        command
    }

    /// Returns a command that runs the binary as a user without special rights, or `None` if that is not possible.
    pub fn unprivileged(&self) -> Option<Command> {
        let chmod = |path: &Path, mode| {
            std::fs::set_permissions(path, PermissionsExt::from_mode(mode)).expect("a mode");
        };
        chmod(self.folder.path(), 0o755);
        let binary = env!("CARGO_BIN_EXE_cf-packages");
        let plain = command(self.folder.path());
        // Only a user with special rights reads a file of mode 000.
        let secret = self.write("secret", "x");
        chmod(&secret, 0o000);
        let is_root = std::fs::read(&secret).is_ok();
        std::fs::remove_file(secret).expect("removed");
        if !is_root {
            return Some(plain);
        }
        let as_nobody = || {
            let mut command = Command::new("setpriv");
            command.args([
                "--reuid",
                "65534",
                "--regid",
                "65534",
                "--clear-groups",
                binary,
            ]);
            command.current_dir(self.path(""));
            command
        };
        let works = as_nobody()
            .arg("--version")
            .output()
            .is_ok_and(|output| output.status.success());
        works.then(as_nobody)
    }

    pub fn run(&self, arguments: &[&str]) -> Output {
        self.run_with(arguments, b"")
    }

    /// Runs the program with `input` on standard input.
    pub fn run_with(&self, arguments: &[&str], input: &[u8]) -> Output {
        let mut child = self
            .command_of(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let mut stdin = child.stdin.take().expect("a standard input");
        let input = input.to_owned();
        // On a thread: the program may exit, or fill a pipe, before it has read all of its input.
        let writer = std::thread::spawn(move || {
            let _ = stdin.write_all(&input);
        });
        let output = child.wait_with_output().expect("the program ends");
        writer.join().expect("the input is written");
        Output {
            status: output.status.code().expect("an exit code"),
            stdout: String::from_utf8(output.stdout).expect("UTF-8 on stdout"),
            stderr: String::from_utf8(output.stderr).expect("UTF-8 on stderr"),
        }
    }

    /// Runs a command that must succeed without a message on stderr. Returns its stdout.
    pub fn run_ok(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert_eq!(
            (output.status, output.stderr.as_str()),
            (0, ""),
            "{arguments:?}"
        );
        output.stdout
    }

    /// Runs the program from a shell that has run `before`, such as `umask 077`.
    pub fn run_after(&self, before: &str, arguments: &[&str]) -> std::process::Output {
        let command = self.command();
        let mut shell = Command::new("sh");
        shell.current_dir(self.folder.path());
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => shell.env(name, value),
                None => shell.env_remove(name),
            };
        }
        shell
            .args(["-c", &format!("{before}; exec \"$0\" \"$@\"")])
            .arg(command.get_program())
            .args(arguments)
            .output()
            .expect("the program ends")
    }

    /// Starts `serve` with these flags on a free port.
    pub fn serve(&self, flags: &[&str]) -> Server {
        Server::start(&mut self.command_of(flags))
    }

    /// Starts `serve` with these flags on a free port, with at most `files` open files.
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

    /// Returns a bearer token of that user, signed with the key of `packages.db`. The database need not hold the user.
    pub fn token(&self, user: &str) -> String {
        let output = self.run(&["token", "--user", user]);
        assert_eq!(output.status, 0, "{}", output.stderr);
        output.stdout.trim_end().to_owned()
    }

    /// Returns a bearer token of an admin, signed with the key of `packages.db`.
    pub fn admin_token(&self) -> String {
        self.run_ok(&["token", "--admin"]).trim_end().to_owned()
    }
}

/// Returns the path of the program: `CF_PACKAGES_TEST_PROGRAM`, or else the one that was built with the tests.
pub fn program() -> PathBuf {
    let given = std::env::var_os("CF_PACKAGES_TEST_PROGRAM").filter(|path| !path.is_empty());
    given.map_or_else(
        || env!("CARGO_BIN_EXE_cf-packages").into(),
        |path| std::path::absolute(path).expect("a path"),
    )
}

/// Lets a command that is about another database than that of its folder, or needs none, name none.
fn name_no_database_in_vain(command: &mut Command) {
    let arguments: Vec<_> = command
        .get_args()
        .map(|one| one.to_string_lossy().into_owned())
        .collect();
    let has = |argument: &str| arguments.iter().any(|one| one == argument);
    let of_another = ["--ephemeral", "--demo", "--from", "--read-only", "backup"];
    let is_ephemeral = command
        .get_envs()
        .any(|(name, value)| name == "CF_PACKAGES_EPHEMERAL" && value.is_some());
    if is_ephemeral || of_another.into_iter().any(has) || has("token") && has("--token-key") {
        command.env_remove("CF_PACKAGES_DB");
    }
}

/// Returns the program, to be run in `folder` and without the settings of the environment of the tests.
pub fn command(folder: &Path) -> Command {
    let mut command = Command::new(program());
    command.current_dir(folder);
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("CF_PACKAGES_") {
            command.env_remove(name);
        }
    }
    // The hosts that the requests of the tests name.
    command.env("CF_PACKAGES_ALLOWED_HOST", "example.org,x");
    command
}

/// A running server. It is killed when it is dropped.
pub struct Server {
    child: Child,
    address: SocketAddr,
    stdin: Option<ChildStdin>,
    stdout: BufReader<ChildStdout>,
    stderr: Option<JoinHandle<String>>,
}

impl Server {
    /// Starts `serve` on a free port. `command` is the program with the other flags of `serve`.
    pub fn start(command: &mut Command) -> Self {
        name_no_database_in_vain(command);
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
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let stdin = child.stdin.take();
        let mut stdout = BufReader::new(child.stdout.take().expect("a standard output"));
        let mut errors = child.stderr.take().expect("a standard error");
        let stderr = std::thread::spawn(move || {
            let mut text = Vec::new();
            let _ = errors.read_to_end(&mut text);
            String::from_utf8_lossy(&text).into_owned()
        });
        let mut line = String::new();
        stdout.read_line(&mut line).expect("a line is read");
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
            stdin,
            stdout,
            stderr: Some(stderr),
        }
    }

    /// Sends SIGTERM without the time that it takes to start another process.
    pub fn terminate(&self) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).expect("a signal");
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    pub fn connect(&self) -> Connection {
        Connection::open(self.address)
    }

    /// Sends `raw` on a new connection. Returns the first response.
    pub fn send(&self, raw: impl AsRef<[u8]>) -> Response {
        let mut connection = self.connect();
        let is_head = raw.as_ref().starts_with(b"HEAD ");
        connection.send(raw);
        connection.read(is_head).expect("a response")
    }

    /// Sends `GET target` with that token, or without one if `token` is empty.
    pub fn get(&self, target: &str, token: &str) -> Response {
        self.send(get(target, token))
    }

    pub fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        let killed = Command::new("sh")
            .args(["-c", "kill -s \"$0\" \"$1\"", name, &pid])
            .status();
        assert!(killed.expect("a shell").success(), "kill -s {name}");
    }

    /// Waits for the end. Returns the exit code (`None`: killed by a signal), the rest of stdout, and stderr.
    pub fn wait(mut self) -> (Option<i32>, String, String) {
        let status = self.child.wait().expect("the program ends");
        let mut rest = String::new();
        self.stdout
            .read_to_string(&mut rest)
            .expect("UTF-8 on stdout");
        let stderr = self
            .stderr
            .take()
            .map(|stderr| stderr.join().expect("stderr is read"));
        (status.code(), rest, stderr.unwrap_or_default())
    }

    /// Closes standard input, at whose end a server with `--exit-with-stdin` exits, and waits for the end.
    pub fn close_stdin(mut self) {
        drop(self.stdin.take());
        let _ = self.child.wait();
    }

    /// Sends SIGTERM. The server must exit with 0 and print nothing more.
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
