//! What stops a server: a signal, or the end of standard input.

use std::io;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;

/// Returns a future that completes at the first SIGTERM or SIGINT and, if `with_stdin`, at the end of standard input.
/// From the call on, the two signals no longer end the process. Must be called within a Tokio runtime.
///
/// # Errors
///
/// Fails if the operating system does not deliver the signals.
pub fn stop_signal(with_stdin: bool) -> io::Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let stdin_end = with_stdin.then(stdin_end);
    Ok(async move {
        let stdin_ended = async {
            match stdin_end {
                Some(end) => drop(end.await),
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
            () = stdin_ended => {}
        }
    })
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
