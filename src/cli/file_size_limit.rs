//! The limit on the size of files (`ulimit -f`).

use tokio::signal::unix::{SignalKind, signal};

/// Makes a write beyond the limit fail with an error. By default the signal SIGXFSZ ends the process
/// (<https://pubs.opengroup.org/onlinepubs/9799919799/functions/write.html>).
pub(super) fn report_as_error() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build();
    // Without a runtime no command works; `serve` reports that.
    if let Ok(runtime) = runtime {
        let _context = runtime.enter();
        // A handler stays for the life of the process. That nothing waits for the signal does not matter.
        let kind = SignalKind::from_raw(rustix::process::Signal::XFSZ.as_raw());
        let _ = signal(kind);
    }
}
