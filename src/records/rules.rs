//! The rules for texts that identify or describe a row: `docs/guide/seeds.md#fields`. A seed is held to them, and `check`
//! holds stored rows to them.

/// The longest guid and the longest name, in characters.
const LONGEST_GUID: usize = 200;
const LONGEST_NAME: usize = 250;

/// Returns whether the text has 1 or more characters, all of which are `[A-Za-z0-9._-]`: it is the same in a URL. Looks at
/// all bytes without a branch for each, which the compiler turns into vector instructions.
#[inline]
pub fn has_guid_characters(text: &str) -> bool {
    let is_wrong = |byte: u8| {
        let is_letter = (byte | 0x20).wrapping_sub(b'a') < 26;
        let is_digit = byte.wrapping_sub(b'0') < 10;
        !(is_letter | is_digit | (byte == b'.') | (byte == b'_') | (byte == b'-'))
    };
    !text.is_empty() && !text.bytes().fold(false, |any, byte| any | is_wrong(byte))
}

/// Returns whether a path that ends in this text names a format, so that no request finds the row.
pub fn names_format(guid: &str) -> bool {
    guid.ends_with(".json")
}

/// Returns whether the text has the characters of a guid, at most 200 of them.
pub fn is_guid(text: &str) -> bool {
    text.len() <= LONGEST_GUID && has_guid_characters(text)
}

/// Returns whether the text has 1 to 250 characters, none of which is a control character.
pub fn is_name(text: &str) -> bool {
    // A character has at most 4 bytes. The characters of a longer text need not be counted.
    text.len() <= 4 * LONGEST_NAME
        && (1..=LONGEST_NAME).contains(&text.chars().count())
        && !text.chars().any(char::is_control)
}

/// Returns the `folded_name` of a row with this name. Names are compared without regard to case.
pub fn folded_name(name: &str) -> String {
    name.to_lowercase()
}

/// Returns what is wrong with the `folded_name` of a row with this name.
pub fn folded_name_fault(name: &str, stored: &str) -> Option<&'static str> {
    let is_right = folded_name(name) == stored;
    (!is_right).then_some("with a damaged `folded_name`: the text is not `name` in lower case")
}

/// Returns whether the text has that many lower-case hex digits and nothing else. Looks at all bytes, like
/// [`has_guid_characters`].
#[inline]
pub fn is_hex(text: &str, digits: usize) -> bool {
    let is_wrong = |byte: u8| {
        let is_digit = byte.wrapping_sub(b'0') < 10;
        let is_letter = byte.wrapping_sub(b'a') < 6;
        !(is_digit | is_letter)
    };
    text.len() == digits && !text.bytes().fold(false, |any, byte| any | is_wrong(byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksum_has_lower_case_hex_digits() {
        for byte in 0..128_u8 {
            let text = char::from(byte).to_string();
            let expected = b"0123456789abcdef".contains(&byte);
            assert_eq!(is_hex(&text, 1), expected, "{text:?}");
        }
        assert!(is_hex("0f", 2) && !is_hex("0f", 1) && !is_hex("f", 2) && !is_hex("é", 2));
    }

    #[test]
    fn guid_has_the_characters_that_a_url_does_not_escape() {
        for byte in 0..128_u8 {
            let text = char::from(byte).to_string();
            let expected = byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
            assert_eq!(is_guid(&text), expected, "{text:?}");
        }
        assert!(!is_guid("") && !is_guid("é") && !is_guid(&"a".repeat(201)));
        assert!(is_guid(&"a".repeat(200)) && names_format("a.json"));
    }
}
