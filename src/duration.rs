//! Durations as flags give them: `90s`, `10m`, `2h`, `1d`, `250ms`.

use std::time::Duration;

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Parses a duration: a whole number and `ms`, `s`, `m`, `h` or `d`; or `0`.
///
/// # Errors
///
/// Fails with the expected form, which the command line shows after the value.
pub fn parse(text: &str) -> Result<Duration, String> {
    let unit_at = text
        .find(|character: char| !character.is_ascii_digit())
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(unit_at);
    let milliseconds: u64 = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        "" if number == "0" => 1,
        "" if !number.is_empty() => {
            return Err(format!(
                "expected a unit too: `{number}ms`, `{number}s`, `{number}m`, `{number}h` or `{number}d`"
            ));
        }
        _ => return Err(expected()),
    };
    number
        .parse::<u64>()
        .ok()
        .and_then(|number| number.checked_mul(milliseconds))
        .map(Duration::from_millis)
        .ok_or_else(expected)
}

fn expected() -> String {
    "expected a whole number and a unit, such as `250ms`, `90s`, `10m`, `2h` or `1d`".into()
}

/// A duration in a JSON document: a text such as `"300ms"`. It is shown as it was given.
#[derive(Clone, Debug)]
pub struct DurationText {
    text: String,
    /// The duration that the text expresses.
    pub duration: Duration,
}

impl DurationText {
    /// Returns the text as it was given.
    pub fn text(&self) -> &str {
        &self.text
    }
}

impl<'de> Deserialize<'de> for DurationText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = serde_json::Value::deserialize(deserializer)?;
        let text = match value {
            serde_json::Value::String(text) => text,
            other => {
                let form = "expected a text, such as `\"250ms\"`, `\"90s\"` or `\"2h\"`";
                return Err(D::Error::custom(format!("`{other}`: {form}")));
            }
        };
        match parse(&text) {
            Ok(duration) => Ok(Self { text, duration }),
            Err(form) => Err(D::Error::custom(format!("`{text}`: {form}"))),
        }
    }
}

impl Serialize for DurationText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn number_with_unit_is_a_duration() {
        for (text, milliseconds) in [
            ("0", 0),
            ("0s", 0),
            ("250ms", 250),
            ("90s", 90_000),
            ("10m", 600_000),
            ("2h", 7_200_000),
            ("1d", 86_400_000),
        ] {
            assert_eq!(
                parse(text),
                Ok(Duration::from_millis(milliseconds)),
                "{text}"
            );
        }
    }

    #[test]
    fn other_texts_are_refused() {
        for text in [
            "",
            "s",
            "5",
            "-1s",
            "+1s",
            "1.5h",
            "1 h",
            " 1h",
            "1H",
            "1h30m",
            "1w",
            "٣s",
            "99999999999999999999s",
            "999999999999999999d",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
