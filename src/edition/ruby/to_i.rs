//! Ruby's `String#to_i`, with which `current` converts `page` and `per_page`.
//!
//! It never fails: `2abc` is 2 and `abc` is 0. `str::parse` would refuse both.

use super::WHITESPACE;

/// Returns the integer at the start of `text`: whitespace, a sign, an optional `0d`, then digits with single
/// underscores between them. Returns 0 if there are no digits. Numbers beyond 128 bits become the largest or smallest
/// `i128`, which no list accepts as a page either.
///
/// See `docs/reference/query-parameters.md#integers`.
pub fn to_i(text: &str) -> i128 {
    let text = text.trim_start_matches(WHITESPACE);
    let (negative, text) = match text.strip_prefix('-') {
        Some(text) => (true, text),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let text = text
        .strip_prefix("0d")
        .or_else(|| text.strip_prefix("0D"))
        .unwrap_or(text);
    let mut number = 0_i128;
    let mut after_digit = false;
    for byte in text.bytes() {
        match byte {
            b'0'..=b'9' => {
                number = number
                    .saturating_mul(10)
                    .saturating_add(i128::from(byte - b'0'));
                after_digit = true;
            }
            b'_' if after_digit => after_digit = false,
            _ => break,
        }
    }
    if negative { -number } else { number }
}

#[cfg(test)]
mod tests {
    use super::to_i;

    #[test]
    fn text_after_the_number_is_ignored() {
        for (text, number) in [
            ("", 0),
            ("abc", 0),
            ("12abc", 12),
            ("1.9", 1),
            (" \t\n+7", 7),
            ("-3x", -3),
            ("+-3", 0),
            ("1_0", 10),
            ("1__0", 1),
            ("_1", 0),
            ("0d12", 12),
            ("0D_1", 0),
            ("0x10", 0),
            ("٣", 0),
        ] {
            assert_eq!(to_i(text), number, "{text:?}");
        }
        assert_eq!(to_i(&"9".repeat(60)), i128::MAX);
        assert_eq!(to_i(&format!("-{}", "9".repeat(60))), -i128::MAX);
    }
}
