//! The measured processes: the program, the static route and the writer. They end with this process, since they exit at
//! the end of their standard input.

use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

use cf_packages::edition::Edition;

use crate::Result;

/// A running server.
pub struct Server {
    process: Process,
    /// The address it listens on.
    pub address: SocketAddr,
}

impl Server {
    /// Starts the program: `serve` with these arguments, on a free port.
    pub fn program<A: AsRef<OsStr>>(arguments: impl IntoIterator<Item = A>) -> Result<Self> {
        let mut command = program();
        command
            .args(["serve", "--listen", "127.0.0.1:0", "--exit-with-stdin"])
            .args(arguments);
        Self::start(&mut command)
    }

    /// Starts the program on that database, in the edition `current`, with a response cache of `cache` MiB.
    pub fn on_database(database: &Path, cache: u32) -> Result<Self> {
        Self::of_edition(Edition::Current, database, cache)
    }

    /// Starts the program on that database, with a response cache of `cache` MiB.
    pub fn of_edition(edition: Edition, database: &Path, cache: u32) -> Result<Self> {
        let (edition, cache) = (edition.to_string(), cache.to_string());
        let arguments = ["--api", &edition, "--cache-size", &cache, "--db"];
        Self::program(
            arguments
                .map(OsStr::new)
                .into_iter()
                .chain([database.as_os_str()]),
        )
    }

    /// Starts a static route whose response is that file.
    pub fn static_route(body: &Path) -> Result<Self> {
        Self::start(this_program()?.arg("--static").arg(body))
    }

    fn start(command: &mut Command) -> Result<Self> {
        let mut process = Process::start(command)?;
        let mut line = String::new();
        process.stdout.read_line(&mut line)?;
        let address = line
            .trim()
            .strip_prefix("listening on http://")
            .ok_or_else(|| format!("a server failed to start: {:?}", process.child.wait()))?
            .parse()?;
        Ok(Self { process, address })
    }

    /// Returns the resident memory.
    pub fn memory(&self) -> Result<Memory> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process.child.id()))?;
        let bytes = |name: &str| -> Result<f64> {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            let number = line.and_then(|line| line.split_whitespace().next());
            let kibibytes: f64 = number.ok_or("/proc shows no resident memory")?.parse()?;
            Ok(kibibytes * 1024.0)
        };
        Ok(Memory {
            now: bytes("VmRSS:")?,
            most: bytes("VmHWM:")?,
        })
    }
}

/// The resident memory of a process, in bytes.
#[derive(Clone, Copy, Debug)]
pub struct Memory {
    /// The current value.
    pub now: f64,
    /// The maximum since the start.
    pub most: f64,
}

/// A process that writes to a database.
pub struct Writer(Process);

impl Writer {
    /// Starts it.
    pub fn start(database: &Path) -> Result<Self> {
        Process::start(this_program()?.arg("--writer").arg(database)).map(Self)
    }

    /// Stops it. Returns the number of its commits.
    pub fn stop(mut self) -> Result<u64> {
        drop(self.0.child.stdin.take());
        let mut text = String::new();
        self.0.stdout.read_to_string(&mut text)?;
        let writes = text.trim().parse();
        writes.map_err(|_| "the writing process ended early".into())
    }
}

/// Runs the program with these arguments and standard output.
pub fn run<A: AsRef<OsStr>>(arguments: impl IntoIterator<Item = A>, out: Stdio) -> Result<()> {
    let status = program().args(arguments).stdout(out).status()?;
    if status.success() {
        Ok(())
    } else {
        Err(format!("the program failed: {status}").into())
    }
}

/// A process that ends when it is dropped.
struct Process {
    child: Child,
    stdout: BufReader<ChildStdout>,
}

impl Process {
    fn start(command: &mut Command) -> Result<Self> {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let stdout = child.stdout.take().ok_or("a process has no output")?;
        Ok(Self {
            child,
            stdout: BufReader::new(stdout),
        })
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

/// Returns the program, without the settings of the environment.
fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cf-packages"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("CF_PACKAGES_") {
            command.env_remove(name);
        }
    }
    command
}

fn this_program() -> Result<Command> {
    Ok(Command::new(std::env::current_exe()?))
}

/// Runs `then` at the end of standard input, on a new thread.
pub fn on_end_of_input(then: impl FnOnce() + Send + 'static) {
    std::thread::spawn(move || {
        let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
        then();
    });
}
