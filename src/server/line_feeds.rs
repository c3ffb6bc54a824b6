//! Refuses line feeds without a carriage return in the head of a request.
//!
//! hyper accepts them as the end of a line, as RFC 9112 §2.2 allows. A proxy in front of the server may not, and
//! would then split the bytes into different requests.

use std::mem;

/// The longest line of a head that is remembered, in bytes. A longer line is cut to this length, so the length of a body
/// that it gives is not reliable.
const MAX_LINE: usize = 1024;

/// Follows the bytes of a connection: which belong to the head of a request, and which to its body.
#[derive(Debug, Default)]
pub(super) struct LineFeeds {
    place: Place,
    /// The line so far, without its end.
    line: Vec<u8>,
    is_after_carriage_return: bool,
    /// How the body of this request is delimited, as far as its head was read.
    body: Body,
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
    /// Unknown, and not checked: the head before it was ambiguous, or was refused.
    Unknown,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Body {
    #[default]
    None,
    Length(u64),
    Chunked,
    Unknown,
}

impl LineFeeds {
    /// Replaces each line feed in a head that no carriage return precedes by a null character, for which hyper answers 400.
    pub fn check(&mut self, bytes: &mut [u8]) {
        let mut rest = bytes;
        while !rest.is_empty() {
            let read = match self.place {
                Place::Unknown => return,
                Place::Body(left) => self.skip(rest.len(), left, Place::Body, Place::Head),
                Place::Chunk(left) => self.skip(rest.len(), left, Place::Chunk, Place::ChunkSize),
                Place::Head | Place::ChunkSize | Place::Trailers => self.read_line(rest),
            };
            rest = &mut mem::take(&mut rest)[read..];
        }
    }

    /// Skips up to `left` bytes of a body. Returns how many.
    fn skip(&mut self, available: usize, left: u64, here: fn(u64) -> Place, after: Place) -> usize {
        let read = usize::try_from(left).map_or(available, |left| left.min(available));
        let left = left - read as u64;
        self.place = if left == 0 { after } else { here(left) };
        read
    }

    /// Reads up to the end of the line, or all. Returns how many bytes.
    fn read_line(&mut self, bytes: &mut [u8]) -> usize {
        let Some(end) = bytes.iter().position(|byte| *byte == b'\n') else {
            self.is_after_carriage_return = bytes.last() == Some(&b'\r');
            self.remember(bytes);
            return bytes.len();
        };
        let is_complete = match end.checked_sub(1) {
            Some(before) => bytes[before] == b'\r',
            None => self.is_after_carriage_return,
        };
        self.is_after_carriage_return = false;
        if !is_complete {
            bytes[end] = 0;
            self.place = Place::Unknown;
            return end + 1;
        }
        self.remember(&bytes[..end]);
        let line = mem::take(&mut self.line);
        self.end_line(line.strip_suffix(b"\r").unwrap_or(&line));
        end + 1
    }

    fn remember(&mut self, bytes: &[u8]) {
        let space = MAX_LINE.saturating_sub(self.line.len());
        self.line
            .extend_from_slice(&bytes[..bytes.len().min(space)]);
    }

    fn end_line(&mut self, line: &[u8]) {
        self.place = match (self.place, line.is_empty()) {
            (Place::Head, false) => {
                self.read_field(line);
                Place::Head
            }
            (Place::Head, true) => match mem::take(&mut self.body) {
                Body::None | Body::Length(0) => Place::Head,
                Body::Length(length) => Place::Body(length),
                Body::Chunked => Place::ChunkSize,
                Body::Unknown => Place::Unknown,
            },
            (Place::ChunkSize, _) => match chunk_size(line) {
                Some(0) => Place::Trailers,
                // The chunk is followed by the end of a line.
                Some(size) => size.checked_add(2).map_or(Place::Unknown, Place::Chunk),
                None => Place::Unknown,
            },
            (Place::Trailers, true) => Place::Head,
            (other, _) => other,
        };
    }

    /// Reads a header field that says how the body is delimited (RFC 9112 §6.3).
    fn read_field(&mut self, line: &[u8]) {
        let Some((name, value)) = split_once(line, b':') else {
            return;
        };
        let value = str::from_utf8(value).unwrap_or_default().trim();
        let body = if name.eq_ignore_ascii_case(b"content-length") {
            value.parse().map_or(Body::Unknown, Body::Length)
        } else if name.eq_ignore_ascii_case(b"transfer-encoding") {
            match value.eq_ignore_ascii_case("chunked") {
                true => Body::Chunked,
                false => Body::Unknown,
            }
        } else {
            return;
        };
        self.body = match self.body {
            Body::None => body,
            same if same == body => body,
            _ => Body::Unknown,
        };
    }
}

/// Returns the size that the first line of a chunk gives.
fn chunk_size(line: &[u8]) -> Option<u64> {
    let size = split_once(line, b';').map_or(line, |(size, _)| size);
    u64::from_str_radix(str::from_utf8(size).ok()?.trim(), 16).ok()
}

fn split_once(bytes: &[u8], separator: u8) -> Option<(&[u8], &[u8])> {
    let at = bytes.iter().position(|byte| *byte == separator)?;
    Some((&bytes[..at], &bytes[at + 1..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns what hyper gets of `sent`, whole and byte by byte.
    fn checked(sent: &[u8]) -> Vec<u8> {
        let mut whole = sent.to_vec();
        LineFeeds::default().check(&mut whole);
        let (mut pieces, mut line_feeds) = (sent.to_vec(), LineFeeds::default());
        for byte in pieces.chunks_mut(1) {
            line_feeds.check(byte);
        }
        assert_eq!(whole, pieces, "{}", String::from_utf8_lossy(sent));
        whole
    }

    #[test]
    fn line_feed_alone_is_replaced_in_heads() {
        for sent in [
            "\nGET / HTTP/1.1\r\n\r\n",
            "GET / HTTP/1.1\nHost: x\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: x\n\r\n",
            "GET / HTTP/1.1\r\nHost: x\r\n\n",
            "GET / HTTP/1.1\r\nHost: x\r\n\r\nGET / HTTP/1.1\n\r\n",
            "POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\n\n\n\nGET / HTTP/1.1\n\r\n",
            "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\n\n\n\n\r\n0\r\n\r\nGET / HTTP/1.1\n\r\n",
            "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\n\n\n\n\r\n0\r\n\r\n",
        ] {
            let got = checked(sent.as_bytes());
            assert_eq!(got.iter().filter(|byte| **byte == 0).count(), 1, "{sent}");
        }
    }

    #[test]
    fn bodies_and_complete_line_ends_stay() {
        for sent in [
            "\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\nGET / HTTP/1.1\r\n\r\n",
            "POST / HTTP/1.1\r\ncontent-length: 12\r\n\r\n\n\n\n\n\n\n\n\n\n\n\n\nGET / HTTP/1.1\r\n\r\n",
            "POST / HTTP/1.1\r\nTRANSFER-ENCODING: Chunked\r\n\r\nA\r\n\n\n\n\n\n\n\n\n\n\n\r\n0\r\nX: y\r\n\r\nGET / HTTP/1.1\r\n\r\n",
            "POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n\n\n\n",
            "POST / HTTP/1.1\r\nContent-Length: nonsense\r\n\r\n\n\n\n",
        ] {
            assert_eq!(checked(sent.as_bytes()), sent.as_bytes(), "{sent}");
        }
    }

    #[test]
    fn long_lines_are_not_remembered() {
        let mut line_feeds = LineFeeds::default();
        let mut head = format!("GET /{} HTTP/1.1\r\nX: y\n", "x".repeat(100_000)).into_bytes();
        line_feeds.check(&mut head);
        assert!(line_feeds.line.capacity() < 2 * MAX_LINE);
        assert_eq!(head.last(), Some(&0));
    }
}
