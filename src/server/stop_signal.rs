//! What stops a server: a signal, or the end of standard input.

use std::io;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;

/// Returns a future that completes at the first SIGTERM, SIGINT or SIGHUP and, if `with_stdin`, at the end of standard
/// input. From the call on, these signals no longer end the process. Must be called within a Tokio runtime.
///
/// A SIGHUP that the process was started to ignore, as by `nohup`, stays ignored.
///
/// # Errors
///
/// Fails if the operating system does not deliver the signals.
pub fn stop_signal(with_stdin: bool) -> io::Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let hangup = match is_hangup_ignored() {
        true => None,
        false => Some(signal(SignalKind::hangup())?),
    };
    let stdin_end = with_stdin.then(stdin_end);
    Ok(async move {
        let stdin_ended = async {
            match stdin_end {
                Some(end) => drop(end.await),
                None => std::future::pending().await,
            }
        };
        let hung_up = async {
            match hangup {
                Some(mut hangup) => hangup.recv().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
            _ = hung_up => {}
            () = stdin_ended => {}
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

/// Returns a receiver whose sender is dropped at the end of standard input.
fn stdin_end() -> oneshot::Receiver<()> {
    let (sender, receiver) = oneshot::channel();
    // A thread that ends with the process. Tokio's own standard input would keep the runtime from ending.
    std::thread::spawn(move || {
        let _ = io::copy(&mut io::stdin(), &mut io::sink());
        drop(sender);
    });
    receiver
}
