//! The queue between those who log and the thread that writes to stderr.

use std::cell::RefCell;
use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use super::Format;
use super::printable::{printable, printable_json};

/// How many messages may wait to be written. Further ones are dropped and counted.
const WAITING_MESSAGES: usize = 1024;
/// How long the end of the process waits until the messages are written.
const FLUSH_WITHIN: Duration = Duration::from_millis(200);
/// How often the end of the process tries to queue its last message.
const RETRY: Duration = Duration::from_millis(5);

enum Message {
    Line(Vec<u8>),
    /// Answered once everything before it is written.
    Flush(SyncSender<()>),
}

/// Queues lines, each of which is one call of `write`. Never waits.
#[derive(Clone, Debug)]
pub(super) struct LineQueue {
    messages: SyncSender<Message>,
    dropped: Arc<AtomicU64>,
    format: Format,
}

thread_local! {
    /// What the thread that writes logs itself: the queue may have no room for that.
    static OWN_LINES: RefCell<Option<Vec<u8>>> = const { RefCell::new(None) };
}

/// Waits for the queued messages when it is dropped, for 200 ms at most.
#[derive(Debug)]
pub struct LogGuard(SyncSender<Message>);

impl LineQueue {
    /// Starts the thread that writes to `out`.
    pub(super) fn start(
        out: impl Write + Send + 'static,
        format: Format,
    ) -> io::Result<(Self, LogGuard)> {
        let (messages, queued) = sync_channel(WAITING_MESSAGES);
        let dropped = Arc::new(AtomicU64::new(0));
        let lost = dropped.clone();
        thread::Builder::new()
            .name("log".into())
            .spawn(move || write_queued(&queued, &lost, out))?;
        let guard = LogGuard(messages.clone());
        let queue = Self {
            messages,
            dropped,
            format,
        };
        Ok((queue, guard))
    }
}

impl Write for LineQueue {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let written = printable_line(line, self.format);
        OWN_LINES.with_borrow_mut(|own_lines| match own_lines {
            Some(own_lines) => own_lines.extend(written),
            None if self.messages.try_send(Message::Line(written)).is_err() => {
                self.dropped.fetch_add(1, Ordering::Relaxed);
            }
            None => {}
        });
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Returns a line with its control characters escaped, except the line feed at its end.
fn printable_line(line: &[u8], format: Format) -> Vec<u8> {
    let text = String::from_utf8_lossy(line);
    let (text, end) = match text.strip_suffix('\n') {
        Some(text) => (text, "\n"),
        None => (&*text, ""),
    };
    let text = match format {
        Format::Text => printable(text),
        Format::Json => printable_json(text),
    };
    [text.as_bytes(), end.as_bytes()].concat()
}

/// Writes messages until the last sender is dropped.
fn write_queued(queued: &Receiver<Message>, dropped: &AtomicU64, mut out: impl Write) {
    OWN_LINES.set(Some(Vec::new()));
    while let Ok(message) = queued.recv() {
        let done = match message {
            Message::Line(line) => {
                // There is no other place to report that stderr takes nothing.
                let _ = out.write_all(&line);
                None
            }
            Message::Flush(done) => Some(done),
        };
        match dropped.swap(0, Ordering::Relaxed) {
            0 => {}
            messages => tracing::warn!(
                "{messages} messages were dropped, because standard error did not take them in time"
            ),
        }
        let own_lines = OWN_LINES.replace(Some(Vec::new())).unwrap_or_default();
        if !own_lines.is_empty() {
            let _ = out.write_all(&own_lines);
        }
        if let Some(done) = done {
            let _ = done.try_send(());
        }
    }
}

impl Drop for LogGuard {
    fn drop(&mut self) {
        let end = Instant::now() + FLUSH_WITHIN;
        let (done, written) = sync_channel(1);
        let mut message = Message::Flush(done);
        while let Err(TrySendError::Full(refused)) = self.0.try_send(message) {
            if Instant::now() >= end {
                return;
            }
            message = refused;
            thread::sleep(RETRY);
        }
        let _ = written.recv_timeout(end.saturating_duration_since(Instant::now()));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Sender, channel};

    use super::*;

    /// Takes a line only after one unit was sent to it.
    struct SlowOut(Receiver<()>, Sender<Vec<u8>>);

    impl Write for SlowOut {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let _ = self.0.recv();
            let _ = self.1.send(bytes.to_owned());
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn messages_beyond_the_limit_are_dropped_and_nobody_waits() {
        let (proceed, allowed) = channel();
        let (written, lines) = channel();
        let (mut queue, guard) = LineQueue::start(SlowOut(allowed, written), Format::Text).unwrap();
        for number in 0..WAITING_MESSAGES + 100 {
            queue.write_all(format!("{number}\n").as_bytes()).unwrap();
        }
        assert!(queue.dropped.load(Ordering::Relaxed) >= 99);
        // Returns although nothing is written.
        drop(guard);
        drop(proceed);
        assert_eq!(lines.recv().unwrap(), b"0\n");
        assert_eq!(lines.recv().unwrap(), b"1\n");
    }

    #[test]
    fn guard_waits_until_messages_are_written() {
        let (proceed, allowed) = channel();
        let (written, lines) = channel();
        let (mut queue, guard) = LineQueue::start(SlowOut(allowed, written), Format::Text).unwrap();
        queue.write_all(b"one\n").unwrap();
        proceed.send(()).unwrap();
        drop(guard);
        assert_eq!(lines.try_recv().unwrap(), b"one\n");
    }
}
