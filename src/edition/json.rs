//! JSON that both editions write in the same way.

use std::borrow::Cow;
use std::marker::PhantomData;

use serde::{Serialize, Serializer};

use crate::clock::FormattedTime;
use crate::records::Metadata;

/// A time in seconds since 1970, written as `2015-11-13T17:02:56Z`.
pub(super) struct Timestamp(pub i64);

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(FormattedTime::new(self.0).as_str())
    }
}

/// Which characters an edition escapes inside strings.
pub(super) trait Escapes {
    /// Whether `byte` is, or begins, a character that may have to be escaped.
    fn may_need_escape(byte: u8) -> bool;

    /// Appends `text` as a string.
    fn write_string(out: &mut Vec<u8>, text: &str);
}

/// Whether `text` is the same inside a JSON string. Looks at all bytes without a branch for each, which the compiler turns
/// into vector instructions. Nearly every text needs no escape.
fn needs_no_escape<E: Escapes>(text: &str) -> bool {
    !text
        .bytes()
        .fold(false, |any, byte| any | E::may_need_escape(byte))
}

/// Appends JSON piece by piece. It is for packages only: a page holds up to 5000 of them, and compared with serde it
/// halves the cost of a page that is not cached. Tests hold its output equal to that of serde.
pub(super) struct JsonWriter<'a, E> {
    out: &'a mut Vec<u8>,
    escapes: PhantomData<E>,
}

impl<'a, E: Escapes> JsonWriter<'a, E> {
    pub(super) fn new(out: &'a mut Vec<u8>) -> Self {
        Self {
            out,
            escapes: PhantomData,
        }
    }

    /// Appends `json` as it is.
    pub(super) fn raw(&mut self, json: &str) -> &mut Self {
        self.out.extend_from_slice(json.as_bytes());
        self
    }

    /// Appends text inside a string.
    pub(super) fn escaped(&mut self, text: &EscapedText<'_, E>) -> &mut Self {
        self.raw(&text.text)
    }

    /// Appends a string.
    pub(super) fn string(&mut self, text: &str) -> &mut Self {
        if needs_no_escape::<E>(text) {
            return self.raw("\"").raw(text).raw("\"");
        }
        E::write_string(self.out, text);
        self
    }

    /// Appends a string, or `null`.
    pub(super) fn optional_string(&mut self, text: Option<&str>) -> &mut Self {
        match text {
            Some(text) => self.string(text),
            None => self.raw("null"),
        }
    }

    /// Appends a time, in seconds since 1970, inside a string.
    pub(super) fn timestamp(&mut self, seconds: i64) -> &mut Self {
        self.raw(FormattedTime::new(seconds).as_str())
    }

    /// Appends labels or annotations, in their order.
    pub(super) fn object(&mut self, Metadata(pairs): &Metadata<'_>) -> &mut Self {
        self.raw("{");
        for (n, (key, value)) in pairs.iter().enumerate() {
            if n > 0 {
                self.raw(",");
            }
            self.string(key).raw(":").string(value);
        }
        self.raw("}")
    }
}

/// Text as it appears inside a JSON string. It is escaped once and can be appended several times.
pub(super) struct EscapedText<'a, E> {
    text: Cow<'a, str>,
    escapes: PhantomData<E>,
}

impl<'a, E: Escapes> EscapedText<'a, E> {
    pub(super) fn new(text: &'a str) -> Self {
        Self {
            text: inside_string::<E>(text),
            escapes: PhantomData,
        }
    }
}

fn inside_string<E: Escapes>(text: &str) -> Cow<'_, str> {
    if needs_no_escape::<E>(text) {
        return text.into();
    }
    let mut quoted = Vec::with_capacity(text.len() + 16);
    E::write_string(&mut quoted, text);
    let inside = &quoted[1..quoted.len() - 1];
    String::from_utf8_lossy(inside).into_owned().into()
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;

    /// Text of any length in which characters that JSON or Rails escapes are frequent.
    pub fn text() -> impl Strategy<Value = String> {
        let character = prop_oneof![
            4 => prop::char::range('a', 'z'),
            4 => prop::sample::select(&['"', '\\', '/', '&', '<', '>', '\u{2028}', '\u{2029}'][..]),
            2 => prop::char::range('\0', '\x1f'),
            // These share their first byte, or all but the last byte, with U+2028.
            1 => prop::char::range('\u{2000}', '\u{2fff}'),
            1 => prop::char::range('\u{2026}', '\u{202a}'),
            1 => prop::sample::select(&['\x7f', '\u{80}', 'ä', '€', '😀', '\u{fffd}'][..]),
            1 => any::<char>(),
        ];
        prop::collection::vec(character, 0..30).prop_map(String::from_iter)
    }
}
