//! The signals that end a command: SIGHUP, SIGINT and SIGTERM.
//!
//! A thread waits for them. The first one ends the work of the command: whatever writes a database, copies a file, or reads
//! a seed or a secret, looks at [`received`] and fails, so that its caller rolls back and removes what was begun. A server that accepts
//! requests takes the signals over, and then they have no effect on its work.

mod input;

use std::future::Future;
use std::io::{self, Read, Write};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

use tokio::runtime;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;

pub use input::{Input, is_pipe, read_file};

/// A signal that ends a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// SIGHUP: the terminal was closed.
    Hangup,
    /// SIGINT: the user pressed Ctrl-C.
    Interrupt,
    /// SIGTERM.
    Terminate,
}

impl Signal {
    /// Returns the name, such as `SIGINT`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Hangup => "SIGHUP",
            Self::Interrupt => "SIGINT",
            Self::Terminate => "SIGTERM",
        }
    }

    /// Returns the exit code that a shell shows for a program that the signal ended: 128 and the number of the signal.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Hangup => 129,
            Self::Interrupt => 130,
            Self::Terminate => 143,
        }
    }
}

/// What the signals of this process do.
enum Use {
    /// The first one ends the work.
    EndWork,
    /// The first one is reported to the server.
    Stop(oneshot::Sender<()>),
    /// They have no effect.
    Nothing,
}

/// A signal is sent to the whole process, so its use is one for the process.
static USE: Mutex<Use> = Mutex::new(Use::EndWork);
/// The signal that ends the work. Set while [`USE`] is locked.
static RECEIVED: OnceLock<Signal> = OnceLock::new();

/// Returns the signal that ends the work of this process, if one was received.
pub fn received() -> Option<Signal> {
    RECEIVED.get().copied()
}

/// From now on, the first signal ends the work instead of the process. `give_up` is called if the process still runs
/// `patience` later.
///
/// A SIGHUP that the process was started to ignore, as by `nohup`, stays ignored.
///
/// # Errors
///
/// Fails if the operating system does not deliver the signals, or starts no thread.
pub fn end_work(
    patience: Duration,
    give_up: impl FnOnce(Signal) + Send + 'static,
) -> io::Result<()> {
    let runtime = runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let next = {
        let _context = runtime.enter();
        next_signal()?
    };
    let wait = async move {
        let signal = next.await;
        if !pass_on(signal) {
            return;
        }
        tokio::time::sleep(patience).await;
        give_up(signal);
    };
    std::thread::Builder::new()
        .name("signals".into())
        .spawn(move || runtime.block_on(wait))
        .map(drop)
}

/// Returns a future that completes at the first signal, which then does not end the work. `None` if one was received
/// before. Signals count only after [`end_work`].
pub fn take_over() -> Option<oneshot::Receiver<()>> {
    let mut signals = USE.lock().unwrap_or_else(PoisonError::into_inner);
    if received().is_some() {
        return None;
    }
    let (sender, receiver) = oneshot::channel();
    *signals = Use::Stop(sender);
    Some(receiver)
}

/// Copies all bytes, as [`std::io::copy`] does.
///
/// # Errors
///
/// Fails if either cannot be used, or once a signal ends the work.
pub fn copy(mut from: &mut impl Read, to: &mut impl Write) -> io::Result<()> {
    const PIECE: u64 = 64 << 20;
    loop {
        if received().is_some() {
            return Err(io::Error::other("a signal stopped it"));
        }
        if io::copy(&mut Read::take(&mut from, PIECE), to)? == 0 {
            return Ok(());
        }
    }
}

/// Returns whether the signal ends the work.
fn pass_on(signal: Signal) -> bool {
    let mut signals = USE.lock().unwrap_or_else(PoisonError::into_inner);
    match std::mem::replace(&mut *signals, Use::Nothing) {
        Use::EndWork => {
            let _ = RECEIVED.set(signal);
            true
        }
        Use::Stop(server) => {
            // Fails if the server has stopped.
            let _ = server.send(());
            false
        }
        Use::Nothing => false,
    }
}

/// Returns a future that completes at the next signal. From the call on, the signals do not end the process. Must be
/// called within a Tokio runtime.
fn next_signal() -> io::Result<impl Future<Output = Signal>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let hangup = match is_hangup_ignored() {
        true => None,
        false => Some(signal(SignalKind::hangup())?),
    };
    Ok(async move {
        let hung_up = async {
            match hangup {
                Some(mut hangup) => hangup.recv().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = terminate.recv() => Signal::Terminate,
            _ = interrupt.recv() => Signal::Interrupt,
            _ = hung_up => Signal::Hangup,
        }
    })
}

/// Whether the process was started with SIGHUP ignored. Linux tells; elsewhere the answer is no.
fn is_hangup_ignored() -> bool {
    // A mask in hexadecimal, in which signal 1 is the lowest bit (proc_pid_status(5)).
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
        .is_some_and(|mask| mask & 1 == 1)
}
