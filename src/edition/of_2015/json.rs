//! JSON as `2015` writes it: two spaces of indentation. See `docs/reference/http.md#json-style`.

use std::io;

use serde::Serialize;
use serde_json::ser::{Formatter, PrettyFormatter, Serializer};

use crate::edition::json::{self, Escapes};

/// Appends JSON piece by piece.
pub(super) type JsonWriter<'a> = json::JsonWriter<'a, JsonEscapes>;
/// Text as it appears inside a JSON string.
pub(super) type EscapedText<'a> = json::EscapedText<'a, JsonEscapes>;

/// The escapes of JSON, and no others.
pub(super) struct JsonEscapes;

impl Escapes for JsonEscapes {
    fn may_need_escape(byte: u8) -> bool {
        (byte < 0x20) | (byte == b'"') | (byte == b'\\')
    }

    fn write_string(out: &mut Vec<u8>, text: &str) {
        write_pretty(out, text, 0);
    }
}

/// Appends `value` as it is written inside `depth` arrays or objects, without indentation before it and without a
/// newline after it.
pub(super) fn write_pretty<T: Serialize + ?Sized>(out: &mut Vec<u8>, value: &T, depth: usize) {
    let mut formatter = PrettyFormatter::new();
    for _ in 0..depth {
        // Raises the indentation: a list is written piece by piece, so its records have no serializer above them.
        let _ = formatter.begin_array(&mut io::sink());
    }
    let mut serializer = Serializer::with_formatter(out, formatter);
    value
        .serialize(&mut serializer)
        .expect("documents have text as keys, and a `Vec` accepts every byte");
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn nested_values_are_written_as_in_a_whole_document(
            value: BTreeMap<String, Vec<Option<String>>>,
            depth in 0_usize..4,
        ) {
            let mut whole = serde_json::to_value(&value).unwrap();
            for _ in 0..depth {
                whole = serde_json::json!([whole]);
            }
            let whole = serde_json::to_string_pretty(&whole).unwrap();

            let mut expected = String::new();
            for level in 1..=depth {
                expected.push_str("[\n");
                expected.push_str(&"  ".repeat(level));
            }
            let mut nested = Vec::new();
            write_pretty(&mut nested, &value, depth);
            expected.push_str(&String::from_utf8(nested).unwrap());
            for level in (0..depth).rev() {
                expected.push('\n');
                expected.push_str(&"  ".repeat(level));
                expected.push(']');
            }
            prop_assert_eq!(expected, whole);
        }
    }
}
