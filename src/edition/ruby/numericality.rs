//! Numbers in a query, judged as Rails 4.1 judges them: first whether it is a number, then whether it is whole.

/// Why a text is not a usable number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotPositive {
    NoNumber,
    NotWhole,
    TooSmall,
}

/// A positive whole number of any length; beyond 128 bits the largest of them.
pub fn positive(text: &str) -> Result<u128, NotPositive> {
    if !is_number(text) {
        return Err(NotPositive::NoNumber);
    }
    // `\Z`: one newline at the end is no part of the number.
    let text = text.strip_suffix('\n').unwrap_or(text);
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(NotPositive::NotWhole);
    }
    let number = digits.bytes().fold(0_u128, |number, digit| {
        number
            .saturating_mul(10)
            .saturating_add(u128::from(digit - b'0'))
    });
    if number == 0 || text.starts_with('-') {
        return Err(NotPositive::TooSmall);
    }
    Ok(number)
}

/// Whether Ruby's `Kernel.Float` takes it, where Rails does not refuse it as hexadecimal before.
fn is_number(text: &str) -> bool {
    if text.starts_with("0x") || text.starts_with("0X") {
        return false;
    }
    let text = text.trim_matches([' ', '\t', '\n', '\x0b', '\x0c', '\r']);
    let text = text.strip_prefix(['+', '-']).unwrap_or(text);
    // A sign or a blank hides hexadecimal from Rails, and `Kernel.Float` knows it.
    match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(text) => is_scientific(text, ['p', 'P'], u8::is_ascii_hexdigit, false),
        None => is_scientific(text, ['e', 'E'], u8::is_ascii_digit, true),
    }
}

fn is_scientific(
    text: &str,
    exponent: [char; 2],
    digit: fn(&u8) -> bool,
    may_start_with_point: bool,
) -> bool {
    let (mantissa, exponent) = match text.split_once(exponent) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (text, None),
    };
    let right = match mantissa.split_once('.') {
        Some((whole, fraction)) => {
            (may_start_with_point && whole.is_empty() || are_digits(whole, digit))
                && are_digits(fraction, digit)
        }
        None => are_digits(mantissa, digit),
    };
    right
        && exponent.is_none_or(|exponent| {
            let digits = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
            are_digits(digits, u8::is_ascii_digit)
        })
}

/// Digits, with single underscores between them.
fn are_digits(text: &str, digit: fn(&u8) -> bool) -> bool {
    text.split('_')
        .all(|digits| !digits.is_empty() && digits.bytes().all(|byte| digit(&byte)))
}
