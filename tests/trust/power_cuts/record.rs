//! What the program does to the files of a folder, as strace prints it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use crate::support::{Server, WorkDir};

/// The system calls that change a file, a folder, or what a client knows.
const CALLS: &str = "openat,open,creat,write,pwrite64,writev,pwritev,pwritev2,sendto,sendmsg,fsync,fdatasync,\
                     sync_file_range,ftruncate,truncate,fallocate,unlink,unlinkat,rename,renameat,renameat2,link,linkat,\
                     copy_file_range,sendfile,splice";
/// What the program sends when a write is done: a response, or the report of `seed`.
const ACKNOWLEDGEMENTS: [&[u8]; 2] = [b"HTTP/1.1 200", b"packages: "];

/// A change, or the moment at which one is acknowledged. Files are named as in the folder.
#[derive(Clone, Debug)]
pub enum Operation {
    Create(String),
    Write {
        file: String,
        offset: usize,
        data: Vec<u8>,
    },
    /// Writes a part of another file.
    Copy {
        from: String,
        file: String,
        offset: usize,
        size: usize,
    },
    Truncate {
        file: String,
        size: usize,
    },
    Sync(String),
    SyncFolder,
    Unlink(String),
    Rename(String, String),
    Link(String, String),
    Acknowledge,
}

/// The begin or the end of a system call.
#[derive(Clone, Debug)]
pub enum Event {
    Begin(u64, Operation),
    /// The call succeeded.
    End(u64),
    /// The call had no effect.
    Failed(u64),
}

impl Event {
    pub fn is_acknowledgement(&self) -> bool {
        matches!(self, Self::Begin(_, Operation::Acknowledge))
    }

    pub fn begins_sync(&self) -> bool {
        matches!(
            self,
            Self::Begin(_, Operation::Sync(_) | Operation::SyncFolder)
        )
    }
}

/// The files of a folder, and what programs did to them afterwards.
pub struct Recording {
    pub before: BTreeMap<String, Vec<u8>>,
    pub events: Vec<Event>,
    calls: u64,
    log: PathBuf,
    /// Where the next `write` of a file goes, which has no offset of its own.
    positions: BTreeMap<String, usize>,
    _folder: tempfile::TempDir,
}

/// Whether strace can be run.
pub fn is_available() -> bool {
    let ran = Command::new("strace")
        .arg("-V")
        .stdout(Stdio::null())
        .status();
    ran.is_ok_and(|status| status.success())
}

impl Recording {
    /// Begins with the files of the folder.
    pub fn of(dir: &WorkDir) -> Self {
        let names = dir.file_names().into_iter();
        let before = names.map(|name| (name.clone(), dir.read(&name)));
        let folder = tempfile::tempdir().expect("a temporary folder");
        Self {
            before: before.filter(|(name, _)| !name.ends_with("-shm")).collect(),
            events: Vec::new(),
            calls: 0,
            log: folder.path().join("log"),
            positions: BTreeMap::new(),
            _folder: folder,
        }
    }

    /// Returns the program under strace, which ends as the program does.
    fn command(&self, dir: &WorkDir) -> Command {
        let program = dir.command();
        let mut command = Command::new("strace");
        command.current_dir(dir.path(""));
        for (name, value) in program.get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        command.args([
            "-f",
            "-y",
            "-xx",
            "-s",
            "8388608",
            "-e",
            "signal=none",
            "-e",
        ]);
        command
            .arg(format!("trace={CALLS}"))
            .arg("-o")
            .arg(&self.log);
        command.arg(program.get_program());
        command
    }

    /// Starts a server that is recorded.
    pub fn serve(&self, dir: &WorkDir, flags: &[&str]) -> Server {
        let mut command = self.command(dir);
        command
            .args(["serve", "--listen", "127.0.0.1:0"])
            .args(flags);
        Server::start_whole(&mut command)
    }

    /// Ends a server that is recorded by that signal, and adds what it did.
    pub fn end(&mut self, dir: &WorkDir, server: Server, signal: Signal) {
        let log = std::fs::read_to_string(&self.log).expect("a log in ASCII");
        let pid = log.split(' ').next().and_then(|pid| pid.parse().ok());
        let pid = pid.and_then(Pid::from_raw).expect("the id of the process");
        kill_process(pid, signal).expect("a signal");
        let (code, _, log) = server.wait();
        let is_expected = code == (signal == Signal::TERM).then_some(0);
        assert!(is_expected, "{code:?}: {log}");
        self.end_of_program(dir);
    }

    /// Runs and records a command that must succeed.
    pub fn run(&mut self, dir: &WorkDir, arguments: &[&str]) {
        let output = self.command(dir).args(arguments).output();
        let output = output.expect("strace starts");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {stderr}");
        self.end_of_program(dir);
    }

    /// Adds what strace recorded of a program that has ended.
    fn end_of_program(&mut self, dir: &WorkDir) {
        let log = std::fs::read_to_string(&self.log).expect("a log in ASCII");
        let folder = dir.path("").canonicalize().expect("the folder exists");
        // The calls that each thread has not yet returned from.
        let mut open = BTreeMap::new();
        for line in log.lines() {
            let (thread, call) = line.split_once(' ').expect("a thread id");
            let call = call.trim_start();
            if call.starts_with("<... ") {
                if let Some(number) = open.remove(thread) {
                    self.end_call(number, call);
                }
                continue;
            }
            let Some(operation) = self.operation(call, &folder) else {
                continue;
            };
            self.calls += 1;
            self.events.push(Event::Begin(self.calls, operation));
            if call.ends_with("<unfinished ...>") {
                open.insert(thread, self.calls);
            } else {
                self.end_call(self.calls, call);
            }
        }
        std::fs::remove_file(&self.log).expect("the log is ours");
    }

    fn end_call(&mut self, number: u64, call: &str) {
        let result = call.rsplit_once(" = ").map(|(_, result)| result);
        self.events.push(match result {
            Some(result) if !result.starts_with('-') && !result.starts_with('?') => {
                Event::End(number)
            }
            _ => Event::Failed(number),
        });
    }

    /// Returns what a call does to the folder. `None`: nothing.
    fn operation(&mut self, call: &str, folder: &Path) -> Option<Operation> {
        let (name, rest) = call.split_once('(')?;
        let strings = strings(rest);
        let file = |path: &[u8]| file_in(path, folder);
        let string = |index: usize| strings.get(index).and_then(|path| file(path));
        // The file or the socket of the first argument, if that is a descriptor.
        let target = rest
            .split_once('<')
            .filter(|(number, _)| number.parse::<u32>().is_ok())
            .and_then(|(_, rest)| Some(unhex(rest.split_once('>')?.0)));
        let own = target
            .as_deref()
            .filter(|target| target.starts_with(b"/"))
            .and_then(file);
        if matches!(name, "write" | "writev" | "sendto" | "sendmsg") && own.is_none() {
            let data = strings.concat();
            let is_sent = ACKNOWLEDGEMENTS
                .iter()
                .any(|marker| data.windows(marker.len()).any(|part| part == *marker));
            return is_sent.then_some(Operation::Acknowledge);
        }
        let numbers = || numbers(rest);
        Some(match name {
            "openat" | "open" => {
                let created = string(0).filter(|_| rest.contains("O_CREAT"))?;
                assert!(!rest.contains("O_TMPFILE"), "not modelled: {rest}");
                self.positions.insert(created.clone(), 0);
                if rest.contains("O_TRUNC") {
                    return Some(Operation::Truncate {
                        file: created,
                        size: 0,
                    });
                }
                Operation::Create(created)
            }
            "write" => {
                let file = own?;
                let data = strings.concat();
                let position = self.positions.entry(file.clone()).or_default();
                let offset = *position;
                *position += data.len();
                Operation::Write { file, offset, data }
            }
            "copy_file_range" | "sendfile" => {
                let second = rest.split('<').nth(2).and_then(|rest| rest.split_once('>'));
                let second = second.and_then(|(path, _)| file_in(&unhex(path), folder))?;
                // `sendfile` names the file that is written first, `copy_file_range` last.
                let (from, file) = match name {
                    "sendfile" => (second, own?),
                    _ => (own?, second),
                };
                let (_, size) = call.rsplit_once(" = ")?;
                let size: usize = size.trim().parse().expect("the number of bytes");
                let position = self.positions.entry(file.clone()).or_default();
                let offset = *position;
                *position += size;
                Operation::Copy {
                    from,
                    file,
                    offset,
                    size,
                }
            }
            "pwrite64" => Operation::Write {
                file: own?,
                offset: numbers().1,
                data: strings.concat(),
            },
            "ftruncate" => Operation::Truncate {
                file: own?,
                size: numbers().0,
            },
            "fsync" | "fdatasync" => match own {
                Some(file) => Operation::Sync(file),
                None if target.as_deref() == Some(folder.as_os_str().as_encoded_bytes()) => {
                    Operation::SyncFolder
                }
                None => return None,
            },
            "unlink" | "unlinkat" => Operation::Unlink(string(0)?),
            "rename" | "renameat" | "renameat2" => Operation::Rename(string(0)?, string(1)?),
            "link" | "linkat" => Operation::Link(string(0)?, string(1)?),
            _ if own.is_some() => panic!("not modelled: {}", &call[..call.len().min(200)]),
            _ => return None,
        })
    }

    fn count(&self, is_wanted: impl Fn(&Operation) -> bool) -> usize {
        let is_wanted = |event: &&Event| matches!(event, Event::Begin(_, op) if is_wanted(op));
        self.events.iter().filter(is_wanted).count()
    }

    pub fn writes(&self) -> usize {
        self.count(|op| matches!(op, Operation::Write { .. }))
    }

    pub fn syncs(&self) -> usize {
        self.count(|op| matches!(op, Operation::Sync(_) | Operation::SyncFolder))
    }

    pub fn acknowledgements(&self) -> usize {
        self.count(|op| matches!(op, Operation::Acknowledge))
    }
}

/// Returns the name of a file in the folder. The shared memory of SQLite is not on the disk.
fn file_in(path: &[u8], folder: &Path) -> Option<String> {
    let path = String::from_utf8(path.to_vec()).ok()?;
    let path = folder.join(path);
    let name = path.file_name()?.to_str()?.to_owned();
    (path.parent() == Some(folder) && !name.ends_with("-shm")).then_some(name)
}

/// Returns the strings between quotes, which `-xx` prints in hexadecimal.
fn strings(text: &str) -> Vec<Vec<u8>> {
    text.split('"').skip(1).step_by(2).map(unhex).collect()
}

fn unhex(text: &str) -> Vec<u8> {
    let digits = |part: &str| u8::from_str_radix(&part[..2], 16).expect("two hexadecimal digits");
    text.split("\\x").skip(1).map(digits).collect()
}

/// Returns the first two numbers after the last quote, or after the descriptor.
fn numbers(arguments: &str) -> (usize, usize) {
    let arguments = arguments.split("<unfinished").next().unwrap_or_default();
    let rest = arguments.rsplit_once(['"', '>']);
    let rest = rest.expect("a string or a descriptor").1;
    let mut numbers = rest
        .split(|letter: char| !letter.is_ascii_digit())
        .filter_map(|part| part.parse().ok());
    (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0))
}
