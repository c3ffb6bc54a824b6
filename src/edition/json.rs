//! How the two editions write JSON: 2015 pretty with two spaces, today compact with `&`, `<` and `>` escaped.

use std::borrow::Cow;
use std::io::{self, Write};

use serde::Serialize;
use serde_json::ser::{CharEscape, Formatter, Serializer};

/// Writes `value` as an answer of 2015 holds it at `depth` levels: two spaces a level, nothing after it.
pub(super) fn pretty<T: Serialize>(out: &mut Vec<u8>, value: &T, depth: usize) {
    let formatter = Pretty {
        depth,
        has_value: false,
    };
    write(out, value, formatter);
}

/// Writes `value` as a controller of today does (packages-api.md §3.2).
pub(super) fn compact<T: Serialize + ?Sized>(out: &mut Vec<u8>, value: &T) {
    write(out, value, Compact);
}

fn write<T: Serialize + ?Sized>(out: &mut Vec<u8>, value: &T, formatter: impl Formatter) {
    let mut serializer = Serializer::with_formatter(out, formatter);
    // Our documents have text keys and are written to memory: neither way to fail is there.
    let _ = value.serialize(&mut serializer);
}

/// As serde_json's own, but able to begin inside a document.
struct Pretty {
    depth: usize,
    has_value: bool,
}

impl Pretty {
    fn line<W: ?Sized + Write>(&self, out: &mut W) -> io::Result<()> {
        out.write_all(b"\n")?;
        (0..self.depth).try_for_each(|_| out.write_all(b"  "))
    }

    fn begin<W: ?Sized + Write>(&mut self, out: &mut W, bracket: &[u8]) -> io::Result<()> {
        self.depth += 1;
        self.has_value = false;
        out.write_all(bracket)
    }

    fn end<W: ?Sized + Write>(&mut self, out: &mut W, bracket: &[u8]) -> io::Result<()> {
        self.depth -= 1;
        if self.has_value {
            self.line(out)?;
        }
        self.has_value = true;
        out.write_all(bracket)
    }

    fn item<W: ?Sized + Write>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        if !first {
            out.write_all(b",")?;
        }
        self.line(out)
    }
}

impl Formatter for Pretty {
    fn begin_array<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.begin(out, b"[")
    }

    fn end_array<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.end(out, b"]")
    }

    fn begin_array_value<W: ?Sized + Write>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        self.item(out, first)
    }

    fn end_array_value<W: ?Sized + Write>(&mut self, _: &mut W) -> io::Result<()> {
        self.has_value = true;
        Ok(())
    }

    fn begin_object<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.begin(out, b"{")
    }

    fn end_object<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.end(out, b"}")
    }

    fn begin_object_key<W: ?Sized + Write>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        self.item(out, first)
    }

    fn begin_object_value<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        out.write_all(b": ")
    }

    fn end_object_value<W: ?Sized + Write>(&mut self, _: &mut W) -> io::Result<()> {
        self.has_value = true;
        Ok(())
    }
}

/// Compact, with what Rails escapes for the sake of HTML.
struct Compact;

impl Formatter for Compact {
    fn write_string_fragment<W: ?Sized + Write>(
        &mut self,
        out: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        let bytes = fragment.as_bytes();
        // Nearly every fragment is plain; this is looked at in one go.
        if !bytes
            .iter()
            .fold(false, |any, byte| any | is_special(*byte))
        {
            return out.write_all(bytes);
        }
        let mut plain = 0;
        for (at, byte) in bytes.iter().enumerate() {
            let (escaped, length): (&[u8], _) = match byte {
                b'&' => (b"\\u0026", 1),
                b'<' => (b"\\u003c", 1),
                b'>' => (b"\\u003e", 1),
                // U+2028 and U+2029 end a line in JavaScript.
                0xE2 if bytes[at..].starts_with(b"\xE2\x80\xA8") => (b"\\u2028", 3),
                0xE2 if bytes[at..].starts_with(b"\xE2\x80\xA9") => (b"\\u2029", 3),
                _ => continue,
            };
            out.write_all(&bytes[plain..at])?;
            out.write_all(escaped)?;
            plain = at + length;
        }
        out.write_all(&bytes[plain..])
    }

    fn write_char_escape<W: ?Sized + Write>(
        &mut self,
        out: &mut W,
        escape: CharEscape,
    ) -> io::Result<()> {
        serde_json::ser::CompactFormatter.write_char_escape(out, escape)
    }
}

/// An answer of today in the making, where serializing would cost too much.
pub(super) struct JsonWriter<'a>(pub &'a mut Vec<u8>);

impl JsonWriter<'_> {
    /// JSON as it is.
    pub(super) fn plain(&mut self, json: &str) -> &mut Self {
        self.0.extend_from_slice(json.as_bytes());
        self
    }

    /// The inside of a string.
    pub(super) fn text(&mut self, text: &Text<'_>) -> &mut Self {
        self.plain(&text.0)
    }

    /// A string.
    pub(super) fn string(&mut self, text: &str) -> &mut Self {
        if is_plain(text) {
            return self.plain("\"").plain(text).plain("\"");
        }
        compact(self.0, text);
        self
    }

    /// A string or null.
    pub(super) fn optional(&mut self, text: Option<&str>) -> &mut Self {
        match text {
            Some(text) => self.string(text),
            None => self.plain("null"),
        }
    }

    /// The inside of a string: a time.
    pub(super) fn time(&mut self, seconds: i64) -> &mut Self {
        self.plain(crate::clock::FormattedTime::new(seconds).as_str())
    }
}

/// Text as it stands inside of a JSON string of today.
pub(super) struct Text<'a>(Cow<'a, str>);

impl<'a> Text<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        if is_plain(text) {
            return Self(text.into());
        }
        let mut quoted = Vec::with_capacity(text.len() + 16);
        compact(&mut quoted, text);
        let inside = quoted.get(1..quoted.len() - 1).unwrap_or_default();
        Self(String::from_utf8_lossy(inside).into_owned().into())
    }
}

/// Whether the text stands in JSON as it is, in every edition: one look at all of it, without a branch a byte.
fn is_plain(text: &str) -> bool {
    let special = |byte: u8| is_special(byte) | (byte < 0x20) | (byte == b'"') | (byte == b'\\');
    !text.bytes().fold(false, |any, byte| any | special(byte))
}

/// Whether a byte is, or begins, something that `Compact` escapes.
fn is_special(byte: u8) -> bool {
    (byte == b'&') | (byte == b'<') | (byte == b'>') | (byte == 0xE2)
}

/// Text made of pieces.
pub(super) struct Pieces<'a, const N: usize>(pub [&'a str; N]);

impl<const N: usize> Serialize for Pieces<'_, N> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0.concat())
    }
}

/// A time in seconds, shown as `2015-11-13T17:02:56Z`.
pub(super) struct Time(pub i64);

impl Serialize for Time {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(crate::clock::FormattedTime::new(self.0).as_str())
    }
}

/// A stored JSON object of text, written again in this edition's way.
pub(super) struct StoredMetadata<'a>(pub &'a str);

impl Serialize for StoredMetadata<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::{Error, SerializeMap};
        if self.0 == "{}" {
            return serializer.serialize_map(Some(0))?.end();
        }
        let Members(members) = serde_json::from_str(self.0).map_err(Error::custom)?;
        let mut map = serializer.serialize_map(Some(members.len()))?;
        for (key, value) in &members {
            map.serialize_entry(key, value)?;
        }
        map.end()
    }
}

/// The members of an object in the order in which they stand.
struct Members(Vec<(String, Option<String>)>);

impl<'de> serde::Deserialize<'de> for Members {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> serde::de::Visitor<'de> for Visitor {
            type Value = Members;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object of text")
            }
            fn visit_map<A: serde::de::MapAccess<'de>>(
                self,
                mut map: A,
            ) -> Result<Members, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Visitor)
    }
}
