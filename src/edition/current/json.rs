//! JSON as `current` writes it: compact, with the escapes that Rails adds for HTML and JavaScript.
//!
//! See `docs/reference/http.md#json-style`.

use std::io::{self, Write};

use serde::ser::Serialize;
use serde_json::ser::{CharEscape, CompactFormatter, Formatter, Serializer};

use crate::edition::json::{self, Escapes};

/// Appends JSON piece by piece.
pub(super) type JsonWriter<'a> = json::JsonWriter<'a, RailsEscapes>;
/// Text as it appears inside a JSON string.
pub(super) type EscapedText<'a> = json::EscapedText<'a, RailsEscapes>;

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

/// The escapes of JSON and those that Rails adds.
pub(super) struct RailsEscapes;

impl Escapes for RailsEscapes {
    fn may_need_escape(byte: u8) -> bool {
        may_begin_escaped(byte) | (byte < 0x20) | (byte == b'"') | (byte == b'\\')
    }

    fn write_string(out: &mut Vec<u8>, text: &str) {
        write_compact(out, text);
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::edition::json::tests::text;
    use crate::records::Metadata;

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
    fn objects_are_written_in_their_order() {
        for (stored, expected) in [
            ("{}", "{}"),
            (" { } ", "{}"),
            (r#"{"b": "x", "c": null, "a": "y"}"#, r#"{"b":"x","a":"y"}"#),
            (
                "{\"<\":\"\\u0026\u{2028}\"}",
                r#"{"\u003c":"\u0026\u2028"}"#,
            ),
        ] {
            let pairs = Metadata::parse(stored).unwrap();
            let json = written(|json| {
                json.object(&pairs);
            });
            assert_eq!(json, expected);
        }
    }
}
