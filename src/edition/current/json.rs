//! JSON as `current` writes it: compact, with the escapes that Rails adds for HTML and JavaScript.
//!
//! See `docs/reference/http.md#json-style`.

use std::borrow::Cow;
use std::fmt;
use std::io::{self, Write};

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde::ser::{Serialize, Serializer as _};
use serde_json::ser::{CharEscape, CompactFormatter, Formatter, Serializer};

use crate::clock::FormattedTime;

/// Appends `value`.
pub(super) fn write_compact<T: Serialize + ?Sized>(out: &mut Vec<u8>, value: &T) {
    value
        .serialize(&mut Serializer::with_formatter(out, EscapingFormatter))
        .expect("documents have text as keys, and a `Vec` accepts every byte");
}

/// serde_json's compact format, with `&`, `<`, `>`, U+2028 and U+2029 escaped inside strings.
struct EscapingFormatter;

impl Formatter for EscapingFormatter {
    fn write_string_fragment<W: ?Sized + Write>(
        &mut self,
        out: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        let bytes = fragment.as_bytes();
        if !may_hold_escaped(bytes) {
            return out.write_all(bytes);
        }
        let mut written = 0;
        for (index, byte) in bytes.iter().enumerate() {
            let (escape, length): (&[u8], _) = match byte {
                b'&' => (b"\\u0026", 1),
                b'<' => (b"\\u003c", 1),
                b'>' => (b"\\u003e", 1),
                0xE2 if bytes[index..].starts_with("\u{2028}".as_bytes()) => (b"\\u2028", 3),
                0xE2 if bytes[index..].starts_with("\u{2029}".as_bytes()) => (b"\\u2029", 3),
                _ => continue,
            };
            out.write_all(&bytes[written..index])?;
            out.write_all(escape)?;
            written = index + length;
        }
        out.write_all(&bytes[written..])
    }

    fn write_char_escape<W: ?Sized + Write>(
        &mut self,
        out: &mut W,
        escape: CharEscape,
    ) -> io::Result<()> {
        CompactFormatter.write_char_escape(out, escape)
    }
}

/// Whether `byte` is, or begins, a character that only [`EscapingFormatter`] escapes.
fn may_begin_escaped(byte: u8) -> bool {
    (byte == b'&') | (byte == b'<') | (byte == b'>') | (byte == 0xE2)
}

/// Looks at all bytes without a branch for each, which the compiler turns into vector instructions. Nearly every text
/// needs no escape.
fn may_hold_escaped(bytes: &[u8]) -> bool {
    let found = |any, byte: &u8| any | may_begin_escaped(*byte);
    bytes.iter().fold(false, found)
}

/// Whether `text` is the same inside a JSON string.
fn needs_no_escape(text: &str) -> bool {
    let needs_escape =
        |byte: u8| may_begin_escaped(byte) | (byte < 0x20) | (byte == b'"') | (byte == b'\\');
    !text
        .bytes()
        .fold(false, |any, byte| any | needs_escape(byte))
}

/// Appends JSON piece by piece. It is for packages only: a page holds up to 5000 of them, and compared with serde it
/// halves the cost of a page that is not cached. Tests hold its output equal to that of [`write_compact`].
pub(super) struct JsonWriter<'a>(&'a mut Vec<u8>);

impl<'a> JsonWriter<'a> {
    pub(super) fn new(out: &'a mut Vec<u8>) -> Self {
        Self(out)
    }

    /// Appends `json` as it is.
    pub(super) fn raw(&mut self, json: &str) -> &mut Self {
        self.0.extend_from_slice(json.as_bytes());
        self
    }

    /// Appends text inside a string.
    pub(super) fn escaped(&mut self, text: &EscapedText<'_>) -> &mut Self {
        self.raw(&text.0)
    }

    /// Appends a string.
    pub(super) fn string(&mut self, text: &str) -> &mut Self {
        if needs_no_escape(text) {
            return self.raw("\"").raw(text).raw("\"");
        }
        write_compact(self.0, text);
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

    /// Appends labels or annotations as the database holds them: a JSON object whose values are text or null. The
    /// order of the members stays.
    ///
    /// # Errors
    ///
    /// Fails if `stored` is not such an object. A part of it may have been appended.
    pub(super) fn stored_object(&mut self, stored: &str) -> serde_json::Result<&mut Self> {
        if stored == "{}" {
            return Ok(self.raw("{}"));
        }
        let StoredMembers(members) = serde_json::from_str(stored)?;
        Serializer::with_formatter(&mut *self.0, EscapingFormatter).collect_map(members)?;
        Ok(self)
    }
}

/// Text as it appears inside a JSON string. It is escaped once and can be appended several times.
pub(super) struct EscapedText<'a>(Cow<'a, str>);

impl<'a> EscapedText<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        if needs_no_escape(text) {
            return Self(text.into());
        }
        let mut quoted = Vec::with_capacity(text.len() + 16);
        write_compact(&mut quoted, text);
        let inside = &quoted[1..quoted.len() - 1];
        Self(String::from_utf8_lossy(inside).into_owned().into())
    }
}

/// The members of a stored JSON object, in stored order.
struct StoredMembers(Vec<(String, Option<String>)>);

impl<'de> Deserialize<'de> for StoredMembers {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct StoredMembersVisitor;

        impl<'de> Visitor<'de> for StoredMembersVisitor {
            type Value = StoredMembers;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<StoredMembers, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(StoredMembers(members))
            }
        }

        deserializer.deserialize_map(StoredMembersVisitor)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::*;

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

    fn serialized<T: Serialize + ?Sized>(value: &T) -> String {
        let mut out = Vec::new();
        write_compact(&mut out, value);
        String::from_utf8(out).unwrap()
    }

    fn written(write: impl FnOnce(&mut JsonWriter<'_>)) -> String {
        let mut out = Vec::new();
        write(&mut JsonWriter::new(&mut out));
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn rails_escapes_are_written() {
        assert_eq!(
            serialized("a&<b>\u{2028}\u{2029}\u{2027}\n\"é"),
            r#""a\u0026\u003cb\u003e\u2028\u2029‧\n\"é""#
        );
    }

    proptest! {
        #[test]
        fn strings_hold_the_text_without_characters_that_rails_escapes(text in text()) {
            let json = serialized(text.as_str());
            prop_assert!(!json.contains(['&', '<', '>', '\u{2028}', '\u{2029}']), "{}", json);
            prop_assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text);
        }

        #[test]
        fn json_writer_and_serde_write_the_same_strings(text in text()) {
            let expected = serialized(text.as_str());
            prop_assert_eq!(&written(|json| { json.string(&text); }), &expected);
            prop_assert_eq!(&written(|json| { json.optional_string(Some(&text)); }), &expected);
            let escaped = EscapedText::new(&text);
            prop_assert_eq!(
                &written(|json| { json.raw("\"").escaped(&escaped).raw("\""); }),
                &expected
            );
        }
    }

    #[test]
    fn stored_objects_are_written_in_stored_order() {
        for (stored, expected) in [
            ("{}", "{}"),
            (" { } ", "{}"),
            (r#"{"b": "x", "a": null}"#, r#"{"b":"x","a":null}"#),
            (
                "{\"<\":\"\\u0026\u{2028}\"}",
                r#"{"\u003c":"\u0026\u2028"}"#,
            ),
        ] {
            let json = written(|json| {
                json.stored_object(stored).unwrap();
            });
            assert_eq!(json, expected);
        }
    }

    #[test]
    fn damaged_stored_object_is_an_error() {
        for stored in [
            "",
            "{",
            "[]",
            "null",
            "\"{}\"",
            "{\"a\":1}",
            "{\"a\":{}}",
            "{\"a\":\"b\"",
            "{}}",
            "{a:\"b\"}",
        ] {
            let mut out = Vec::new();
            let result = JsonWriter::new(&mut out).stored_object(stored).map(|_| ());
            assert!(result.is_err(), "{stored}");
        }
    }
}
