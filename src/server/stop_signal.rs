//! What stops a server: a signal, or the end of standard input.

use std::io;

use tokio::sync::oneshot;

use crate::signals;

/// Returns a future that completes at the first signal and, if `with_stdin`, at the end of standard input. From the call
/// on, signals do not end the work of the process. `None` if a signal was received before.
pub fn stop_signal(with_stdin: bool) -> Option<impl Future<Output = ()>> {
    let signal = signals::take_over()?;
    let stdin_end = with_stdin.then(stdin_end);
    Some(async move {
        let stdin_ended = async {
            match stdin_end {
                Some(end) => drop(end.await),
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = signal => {}
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
