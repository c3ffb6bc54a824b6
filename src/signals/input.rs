//! Reads bytes that may not arrive for long: from standard input or a pipe.

use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::thread;
use std::time::Duration;

use super::received;

/// How many bytes are read at once.
const PIECE: usize = 1 << 16;
/// How many pieces are read ahead.
const PIECES_AHEAD: usize = 4;
/// How often a signal is looked for while nothing arrives.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// What a thread of its own reads, so that a signal is noticed while nothing arrives. The thread ends with the process.
#[derive(Debug)]
pub struct Input {
    pieces: Receiver<io::Result<Vec<u8>>>,
    piece: Vec<u8>,
    /// How many bytes of the piece were passed on.
    read: usize,
}

impl Input {
    /// Reads what `open` opens, which may wait too. Reads until the first end: a terminal would continue after it, and each
    /// further read would need its own Ctrl-D.
    ///
    /// # Errors
    ///
    /// Fails if the operating system starts no thread.
    pub fn start<R: Read>(
        open: impl FnOnce() -> io::Result<R> + Send + 'static,
    ) -> io::Result<Self> {
        let (sender, pieces) = sync_channel(PIECES_AHEAD);
        thread::Builder::new().name("input".into()).spawn(move || {
            let read = open().and_then(|mut input| {
                loop {
                    let mut piece = vec![0; PIECE];
                    let length = match input.read(&mut piece) {
                        Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                        length => length?,
                    };
                    piece.truncate(length);
                    // Fails if the input is not read any more.
                    if length == 0 || sender.send(Ok(piece)).is_err() {
                        return Ok(());
                    }
                }
            });
            if let Err(error) = read {
                let _ = sender.send(Err(error));
            }
        })?;
        Ok(Self {
            pieces,
            piece: Vec::new(),
            read: 0,
        })
    }

    /// Returns the next piece, or an empty one at the end.
    fn next(&self) -> io::Result<Vec<u8>> {
        loop {
            if received().is_some() {
                return Err(io::Error::other("a signal stopped it"));
            }
            match self.pieces.recv_timeout(LOOK_EVERY) {
                Ok(piece) => return piece,
                Err(RecvTimeoutError::Disconnected) => return Ok(Vec::new()),
                Err(RecvTimeoutError::Timeout) => {}
            }
        }
    }
}

/// Returns whether the next bytes of the file may not arrive for long.
pub fn is_pipe(path: &Path) -> bool {
    let file_type = path.metadata().map(|metadata| metadata.file_type());
    file_type.is_ok_and(|file_type| !file_type.is_file() && !file_type.is_dir())
}

/// Returns the bytes of a file, of which there may be `most`.
///
/// # Errors
///
/// Fails if the file cannot be read, if it holds more bytes, or once a signal ends the work.
pub fn read_file(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    if is_pipe(path) {
        let path = path.to_owned();
        let input = Input::start(move || File::open(path))?;
        input.take(most + 1).read_to_end(&mut bytes)?;
    } else {
        File::open(path)?.take(most + 1).read_to_end(&mut bytes)?;
    }
    if bytes.len() as u64 > most {
        let text = format!("it holds more than {most} bytes");
        return Err(io::Error::other(text));
    }
    Ok(bytes)
}

impl Read for Input {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.read == self.piece.len() {
            self.piece = self.next()?;
            self.read = 0;
        }
        let length = (&self.piece[self.read..]).read(buffer)?;
        self.read += length;
        Ok(length)
    }
}
