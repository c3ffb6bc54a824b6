//! The processes that are measured: the product, the static route, the writer. All of them end with this one, since
//! their standard input does.

use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

use crate::Result;

/// A running server.
pub struct Server {
    process: Process,
    /// Where it answers.
    pub address: SocketAddr,
}

impl Server {
    /// The product: `serve` with these arguments, on a free port.
    pub fn product<A: AsRef<OsStr>>(arguments: impl IntoIterator<Item = A>) -> Result<Self> {
        let mut command = product();
        command
            .args(["serve", "--listen", "127.0.0.1:0", "--exit-with-stdin"])
            .args(arguments);
        Self::start(&mut command)
    }

    /// The product on that database, in today's edition, with so many MiB for response_cache pages.
    pub fn of(database: &Path, cache: u32) -> Result<Self> {
        let cache = cache.to_string();
        let arguments = ["--api", "current", "--cache-size", &cache, "--db"];
        Self::product(
            arguments
                .map(OsStr::new)
                .into_iter()
                .chain([database.as_os_str()]),
        )
    }

    /// The static route that answers the bytes of that file.
    pub fn static_route(body: &Path) -> Result<Self> {
        Self::start(itself()?.arg("--static").arg(body))
    }

    fn start(command: &mut Command) -> Result<Self> {
        let mut process = Process::start(command)?;
        let mut line = String::new();
        process.stdout.read_line(&mut line)?;
        let address = line
            .trim()
            .strip_prefix("listening on http://")
            .ok_or_else(|| format!("a server does not start: {:?}", process.child.wait()))?
            .parse()?;
        Ok(Self { process, address })
    }

    /// The memory that is resident.
    pub fn memory(&self) -> Result<Memory> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process.child.id()))?;
        let bytes = |name: &str| -> Result<f64> {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            let number = line.and_then(|line| line.split_whitespace().next());
            let kibibytes: f64 = number.ok_or("/proc tells no memory")?.parse()?;
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
    /// At this moment.
    pub now: f64,
    /// The most that it ever was.
    pub most: f64,
}

/// A process that writes to a database.
pub struct Writer(Process);

impl Writer {
    /// Starts it.
    pub fn start(database: &Path) -> Result<Self> {
        Process::start(itself()?.arg("--writer").arg(database)).map(Self)
    }

    /// Ends it; how many times it wrote.
    pub fn stop(mut self) -> Result<u64> {
        drop(self.0.child.stdin.take());
        let mut text = String::new();
        self.0.stdout.read_to_string(&mut text)?;
        let writes = text.trim().parse();
        writes.map_err(|_| "the process that writes ended early".into())
    }
}

/// Runs the product with these arguments to its end, with its standard output in `out`.
pub fn run<A: AsRef<OsStr>>(arguments: impl IntoIterator<Item = A>, out: Stdio) -> Result<()> {
    let status = product().args(arguments).stdout(out).status()?;
    if status.success() {
        Ok(())
    } else {
        Err(format!("the product fails: {status}").into())
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

/// The product, with none of the settings that whoever runs this may have.
fn product() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cf-packages"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("CF_PACKAGES_") {
            command.env_remove(name);
        }
    }
    command
}

fn itself() -> Result<Command> {
    Ok(Command::new(std::env::current_exe()?))
}

/// Completes at the end of standard input, on a thread of its own.
pub fn on_end_of_input(then: impl FnOnce() + Send + 'static) {
    std::thread::spawn(move || {
        let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
        then();
    });
}
