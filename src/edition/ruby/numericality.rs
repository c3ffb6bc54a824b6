//! Rails 4.1's validation `numericality: { only_integer: true, greater_than: 0 }`, which `2015` applies to `page` and
//! `per_page`.
//!
//! It first asks Ruby's `Kernel.Float` whether the text is a number, and then matches a regular expression for
//! integers. Each step has its own message, so both have to be imitated.
//!
//! See `docs/reference/query-parameters.md#integers`.

use super::WHITESPACE;

/// The check that a text failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NumericalityError {
    /// `Kernel.Float` refuses the text.
    NotANumber,
    /// The text is a number but not an integer.
    NotAnInteger,
    /// The integer is 0 or negative.
    TooSmall,
}

impl NumericalityError {
    /// Returns Rails' message, which follows the name of the parameter.
    pub fn message(self) -> &'static str {
        match self {
            Self::NotANumber => "is not a number",
            Self::NotAnInteger => "must be an integer",
            Self::TooSmall => "must be greater than 0",
        }
    }
}

/// Returns the positive integer that `text` is. Numbers beyond 128 bits become the largest `u128`.
///
/// # Errors
///
/// Fails with the first check that `text` does not pass.
pub fn positive_integer(text: &str) -> Result<u128, NumericalityError> {
    if !is_number(text) {
        return Err(NumericalityError::NotANumber);
    }
    // The regular expression ends in `\Z`, which allows one newline.
    let text = text.strip_suffix('\n').unwrap_or(text);
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(NumericalityError::NotAnInteger);
    }
    let number = digits.bytes().fold(0_u128, |number, digit| {
        number
            .saturating_mul(10)
            .saturating_add(u128::from(digit - b'0'))
    });
    if number == 0 || text.starts_with('-') {
        return Err(NumericalityError::TooSmall);
    }
    Ok(number)
}

/// Whether Rails passes `text` to `Kernel.Float` and that accepts it. Rails refuses hexadecimal numbers before that.
fn is_number(text: &str) -> bool {
    if text.starts_with("0x") || text.starts_with("0X") {
        return false;
    }
    let text = text.trim_matches(WHITESPACE);
    let text = text.strip_prefix(['+', '-']).unwrap_or(text);
    // Rails does not recognize a hexadecimal number after a sign or whitespace, and `Kernel.Float` accepts it.
    match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(text) => is_float(text, ['p', 'P'], u8::is_ascii_hexdigit, false),
        None => is_float(text, ['e', 'E'], u8::is_ascii_digit, true),
    }
}

fn is_float(
    text: &str,
    exponent_marks: [char; 2],
    is_digit: fn(&u8) -> bool,
    may_start_with_point: bool,
) -> bool {
    let (mantissa, exponent) = match text.split_once(exponent_marks) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (text, None),
    };
    let is_mantissa = match mantissa.split_once('.') {
        Some((whole, fraction)) => {
            (may_start_with_point && whole.is_empty() || are_digits(whole, is_digit))
                && are_digits(fraction, is_digit)
        }
        None => are_digits(mantissa, is_digit),
    };
    is_mantissa
        && exponent.is_none_or(|exponent| {
            let digits = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
            are_digits(digits, u8::is_ascii_digit)
        })
}

/// Whether `text` is one or more digits with single underscores between them.
fn are_digits(text: &str, is_digit: fn(&u8) -> bool) -> bool {
    text.split('_')
        .all(|digits| !digits.is_empty() && digits.bytes().all(|byte| is_digit(&byte)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_are_not_integers_are_numbers() {
        for number in [
            "1e400", ".5", "-.5", "5e-1", "1e1_0", "1_0.5_0", "-0x10", "+0xA", " 0x1F", "-0x1.8p3",
            "-0x1_0", "1 ", "1\n\n", "\t1", "1E+5", "00.0",
        ] {
            assert_eq!(
                positive_integer(number),
                Err(NumericalityError::NotAnInteger),
                "{number:?}"
            );
        }
    }

    #[test]
    fn text_that_kernel_float_refuses_is_not_a_number() {
        for text in [
            "Infinity", "NaN", "5.", "1__0", "_1", "1_", "1_.5", "1._5", "1e", "1e_5", "1_e5",
            "+-1", "- 1", "0X1", "-0x", "-0x1.", "-0x.8", "-0x1p", "0b1", "0o7", "１", "٣", "1\0",
            "\0", ".", "-", "1 1", "\u{a0}1", "1d",
        ] {
            assert_eq!(
                positive_integer(text),
                Err(NumericalityError::NotANumber),
                "{text:?}"
            );
        }
    }

    #[test]
    fn integers_may_have_a_sign_leading_zeros_and_one_newline() {
        assert_eq!(positive_integer("+007\n"), Ok(7));
        assert_eq!(positive_integer("-9\n"), Err(NumericalityError::TooSmall));
        assert_eq!(positive_integer(&"9".repeat(60)), Ok(u128::MAX));
    }
}
