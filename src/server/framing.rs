//! Refuses requests whose end another program may see elsewhere.
//!
//! hyper accepts a line feed as the end of a line, as RFC 9112 §2.2 allows, and some ways to delimit a body that are rare
//! or ambiguous. A proxy in front of the server may read them differently, and would then split the bytes into different
//! requests.

use std::mem;

/// The longest line that is remembered, in bytes. Neither a line that delimits a body nor one with the size of a chunk may
/// be longer.
const MAX_LINE: usize = 1024;

/// The longest body that hyper accepts, in bytes.
const MAX_LENGTH: u64 = u64::MAX - 2;

/// Follows the bytes of a connection: which belong to the head of a request, and which to its body.
#[derive(Debug, Default)]
pub(super) struct Framing {
    place: Place,
    /// The line so far, without its end.
    line: Vec<u8>,
    /// Whether the line is longer than what is remembered of it.
    is_cut: bool,
    is_after_carriage_return: bool,
    /// How the body of this request is delimited, as far as its head was read.
    body: Body,
    /// Whether the head of this request has begun.
    in_head: bool,
    heads: u64,
}

/// Where bytes were refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    /// In a head. The first `usize` bytes may be read; the last of them is a null character, for which hyper answers 400.
    Head(usize),
    /// In a body, behind this many bytes that may be read.
    Body(usize),
}

/// Where the next byte is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Place {
    /// In the head of a request.
    #[default]
    Head,
    /// In a body, or in a piece of one, with this many bytes left.
    Body(u64),
    /// In the line with the size of a chunk.
    ChunkSize,
    /// In a chunk. This many bytes are left, including the end of its line.
    Chunk(u64),
    /// In the trailers after the last chunk.
    Trailers,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Body {
    #[default]
    None,
    Length(u64),
    Chunked,
    /// The head gives several lengths, or one that is not understood.
    Ambiguous,
}

impl Framing {
    /// Returns how many heads of requests have ended.
    pub fn heads(&self) -> u64 {
        self.heads
    }

    /// Checks the next bytes. Nothing may be read after bytes that were refused.
    ///
    /// # Errors
    ///
    /// Fails at a line feed without a carriage return, except in a body, at the end of a head that does not say clearly
    /// where its body ends, and at the size of a chunk that is not understood.
    pub fn check(&mut self, bytes: &mut [u8]) -> Result<(), Refused> {
        let mut at = 0;
        while at < bytes.len() {
            let rest = &bytes[at..];
            at += match self.place {
                Place::Body(left) => self.skip(rest.len(), left, Place::Body, Place::Head),
                Place::Chunk(left) => self.skip(rest.len(), left, Place::Chunk, Place::ChunkSize),
                Place::Head | Place::ChunkSize | Place::Trailers => {
                    let is_head = self.place == Place::Head;
                    let (read, is_accepted) = self.read_line(rest);
                    match (is_accepted, is_head) {
                        (true, _) => read,
                        (false, true) => {
                            bytes[at + read - 1] = 0;
                            return Err(Refused::Head(at + read));
                        }
                        (false, false) => return Err(Refused::Body(at)),
                    }
                }
            };
        }
        Ok(())
    }

    /// Skips up to `left` bytes of a body. Returns how many.
    fn skip(&mut self, available: usize, left: u64, here: fn(u64) -> Place, after: Place) -> usize {
        let read = usize::try_from(left).map_or(available, |left| left.min(available));
        let left = left - read as u64;
        self.place = if left == 0 { after } else { here(left) };
        read
    }

    /// Reads up to the end of the line, or all. Returns how many bytes, and whether they are accepted.
    fn read_line(&mut self, bytes: &[u8]) -> (usize, bool) {
        let Some(end) = bytes.iter().position(|byte| *byte == b'\n') else {
            self.is_after_carriage_return = bytes.last() == Some(&b'\r');
            self.remember(bytes);
            return (bytes.len(), true);
        };
        let is_complete = match end.checked_sub(1) {
            Some(before) => bytes[before] == b'\r',
            None => self.is_after_carriage_return,
        };
        self.is_after_carriage_return = false;
        self.remember(&bytes[..end]);
        let line = mem::take(&mut self.line);
        let is_cut = mem::take(&mut self.is_cut);
        let line = line.strip_suffix(b"\r").unwrap_or(&line);
        (end + 1, is_complete && self.end_line(line, is_cut))
    }

    fn remember(&mut self, bytes: &[u8]) {
        let space = MAX_LINE.saturating_sub(self.line.len());
        self.is_cut |= bytes.len() > space;
        self.line
            .extend_from_slice(&bytes[..bytes.len().min(space)]);
    }

    /// Returns whether the line is accepted.
    fn end_line(&mut self, line: &[u8], is_cut: bool) -> bool {
        self.place = match (self.place, line.is_empty()) {
            (Place::Head, false) => {
                self.in_head = true;
                self.read_field(line, is_cut);
                Place::Head
            }
            // An empty line before a request is skipped.
            (Place::Head, true) => match self.end_head() {
                Body::None | Body::Length(0) => Place::Head,
                Body::Length(length) => Place::Body(length),
                Body::Chunked => Place::ChunkSize,
                Body::Ambiguous => return false,
            },
            (Place::ChunkSize, _) => match chunk_size(line).filter(|_| !is_cut) {
                Some(0) => Place::Trailers,
                // The chunk is followed by the end of a line.
                Some(size) if size <= MAX_LENGTH => Place::Chunk(size + 2),
                _ => return false,
            },
            (Place::Trailers, true) => Place::Head,
            (other, _) => other,
        };
        true
    }

    /// Returns how the body is delimited.
    fn end_head(&mut self) -> Body {
        self.heads += u64::from(mem::take(&mut self.in_head));
        mem::take(&mut self.body)
    }

    /// Reads a header field that says how the body is delimited (RFC 9112 §6.3).
    fn read_field(&mut self, line: &[u8], is_cut: bool) {
        let Some((name, value)) = split_once(line, b':') else {
            return;
        };
        let value = str::from_utf8(value.trim_ascii()).unwrap_or_default();
        let body = if name.eq_ignore_ascii_case(b"content-length") {
            match value.parse() {
                Ok(length) if length <= MAX_LENGTH => Body::Length(length),
                _ => Body::Ambiguous,
            }
        } else if name.eq_ignore_ascii_case(b"transfer-encoding") {
            match value.eq_ignore_ascii_case("chunked") {
                true => Body::Chunked,
                false => Body::Ambiguous,
            }
        } else {
            return;
        };
        self.body = match self.body {
            _ if is_cut => Body::Ambiguous,
            Body::None => body,
            same if same == body => body,
            _ => Body::Ambiguous,
        };
    }
}

/// Returns the size that the first line of a chunk gives.
fn chunk_size(line: &[u8]) -> Option<u64> {
    let size = split_once(line, b';').map_or(line, |(size, _)| size);
    u64::from_str_radix(str::from_utf8(size.trim_ascii()).ok()?, 16).ok()
}

fn split_once(bytes: &[u8], separator: u8) -> Option<(&[u8], &[u8])> {
    let at = bytes.iter().position(|byte| *byte == separator)?;
    Some((&bytes[..at], &bytes[at + 1..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    const POST: &str = "POST / HTTP/1.1\r\n";
    const CHUNKED: &str = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";

    /// Returns the result for `sent`, which is the same whole and byte by byte.
    fn checked(sent: &str) -> Result<(), Refused> {
        let whole = Framing::default().check(&mut sent.to_owned().into_bytes());
        let mut framing = Framing::default();
        let pieces = (0..sent.len()).try_for_each(|at| {
            framing
                .check(&mut sent.as_bytes()[at..=at].to_owned())
                .map_err(|refused| match refused {
                    Refused::Head(length) => Refused::Head(at + length),
                    Refused::Body(length) => Refused::Body(at + length),
                })
        });
        match (whole, pieces) {
            // The line that is refused is passed on as far as it was read.
            (Err(Refused::Body(_)), Err(Refused::Body(_))) => {}
            _ => assert_eq!(whole, pieces, "{sent}"),
        }
        whole
    }

    #[test]
    fn line_feed_alone_is_refused_in_heads() {
        for (sent, length) in [
            ("\n", 1),
            ("GET / HTTP/1.1\nHost: x\r\n\r\n", 15),
            ("GET / HTTP/1.1\r\nHost: x\n\r\n", 24),
            ("GET / HTTP/1.1\r\nHost: x\r\n\n", 26),
            ("GET / HTTP/1.1\r\nHost: x\r\n\r\nGET / HTTP/1.1\n\r\n", 42),
        ] {
            assert_eq!(checked(sent), Err(Refused::Head(length)), "{sent}");
        }
        let after = |body: &str| checked(&format!("{POST}{body}GET / HTTP/1.1\n\r\n"));
        for body in [
            "Content-Length: 3\r\n\r\n\n\n\n",
            "Transfer-Encoding: chunked\r\n\r\n3;x=y\r\n\n\n\n\r\n0\r\n\r\n",
            "Transfer-Encoding:\tCHUNKED \r\n\r\n0002 \r\nab\r\n0\r\nX: y\r\n\r\n",
        ] {
            assert!(matches!(after(body), Err(Refused::Head(_))), "{body}");
        }
        let mut head = b"GET / HTTP/1.1\r\nHost: x\n".to_vec();
        assert!(Framing::default().check(&mut head).is_err());
        assert_eq!(head, b"GET / HTTP/1.1\r\nHost: x\0");
    }

    #[test]
    fn line_feed_alone_is_refused_between_chunks_and_in_trailers() {
        for body in [
            "2\nab\r\n0\r\n\r\n",
            "2;a\n\r\nab\r\n0\r\n\r\n",
            "2;\nxx\r\nab\r\n0\r\n\r\n",
            "2\r\nab\r\n0\n\r\n",
            "0\r\nX: y\n\r\n",
            "0\r\nX: y\r\n\n",
            "",
        ] {
            let result = checked(&format!("{CHUNKED}{body}"));
            let is_refused = matches!(result, Err(Refused::Body(_)));
            assert_eq!(is_refused, !body.is_empty(), "{body}");
        }
        assert_eq!(checked(&format!("{CHUNKED}2\r\nab\r\n0\r\n\r\n")), Ok(()));
    }

    #[test]
    fn body_whose_end_is_not_clear_is_refused() {
        for fields in [
            "Transfer-Encoding: gzip, chunked\r\n".to_owned(),
            "Transfer-Encoding: identity\r\n".into(),
            "Transfer-Encoding:\r\n".into(),
            format!("Transfer-Encoding:{}chunked\r\n", " ".repeat(1100)),
            format!("Content-Length: {}2\r\n", "0".repeat(1100)),
            "Content-Length: nonsense\r\n".into(),
            format!("Content-Length: {}\r\n", u64::MAX),
            "Content-Length: 1\r\nContent-Length: 2\r\n".into(),
            "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n".into(),
        ] {
            let sent = format!("{POST}{fields}\r\n");
            assert_eq!(checked(&sent), Err(Refused::Head(sent.len())), "{fields}");
        }
        for body in [
            "x\r\n".to_owned(),
            "\r\n".into(),
            "ffffffffffffffff\r\n".into(),
            format!("{}2\r\n", "0".repeat(1100)),
            format!("2;{}\r\n", "x".repeat(1100)),
        ] {
            let result = checked(&format!("{CHUNKED}{body}"));
            assert!(matches!(result, Err(Refused::Body(_))), "{body}");
        }
        let same = format!("{POST}Content-Length: 1\r\nContent-Length: 1\r\n\r\n\n");
        assert_eq!(checked(&same), Ok(()));
    }

    #[test]
    fn long_lines_are_not_remembered() {
        let mut framing = Framing::default();
        let mut head = format!("GET /{} HTTP/1.1\r\nX: y\n", "x".repeat(100_000)).into_bytes();
        assert!(framing.check(&mut head).is_err());
        assert!(framing.line.capacity() < 2 * MAX_LINE);
    }
}
