//! Numbers in a query, as Ruby's `to_i` makes them of any text.

/// Ruby's `to_i`: leading blanks, a sign, digits with single underscores, and whatever follows is junk.
/// Saturates: no such number is one that a list accepts.
pub fn to_i(text: &str) -> i128 {
    let text = text.trim_start_matches([' ', '\t', '\n', '\x0b', '\x0c', '\r']);
    let (negative, text) = match text.strip_prefix('-') {
        Some(text) => (true, text),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    // Ruby knows `0d` as the prefix of decimal numbers.
    let text = text
        .strip_prefix("0d")
        .or_else(|| text.strip_prefix("0D"))
        .unwrap_or(text);
    let mut number = 0_i128;
    let mut digit_before = false;
    for byte in text.bytes() {
        match byte {
            b'0'..=b'9' => {
                number = number
                    .saturating_mul(10)
                    .saturating_add(i128::from(byte - b'0'));
                digit_before = true;
            }
            b'_' if digit_before => digit_before = false,
            _ => break,
        }
    }
    if negative { -number } else { number }
}
