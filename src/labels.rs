//! The rules for labels and annotations: `docs/reference/label-selectors.md#label-keys` and `#label-values`.
//!
//! Each function returns the first rule that a text breaks, in the words of a Cloud Controller. Lengths are in
//! characters.

/// How many labels a resource has at most.
pub const MOST_LABELS: usize = 50;
/// How many annotations a resource has at most.
pub const MOST_ANNOTATIONS: usize = 200;

const EMPTY_KEY: &str = "key cannot be empty string";
const TWO_SLASHES: &str = "key has more than one '/'";
const RESERVED_PREFIX: &str = "cloudfoundry.org";
/// The longest name of a key, the longest value of a label, and the longest part of a prefix between dots.
const LONGEST_NAME: usize = 63;
const LONGEST_PREFIX: usize = 253;
const LONGEST_ANNOTATION: usize = 5000;
/// How much of a text that is too long a message shows.
const SHOWN: usize = 8;

/// The rules for labels, or for annotations.
#[derive(Clone, Copy, Debug)]
pub struct PairRules {
    /// `label` or `annotation`, for messages.
    pub what: &'static str,
    /// How many pairs there are at most.
    pub most: usize,
    /// Whether the key of a value is checked.
    is_key_checked: fn(&str) -> bool,
    /// Returns what is wrong with a value.
    pub value_fault: fn(&str) -> Option<String>,
}

/// The rules for labels.
pub const LABELS: PairRules = PairRules {
    what: "label",
    most: MOST_LABELS,
    is_key_checked: |_| true,
    value_fault,
};
/// The rules for annotations. One whose value is blank may have any key.
pub const ANNOTATIONS: PairRules = PairRules {
    what: "annotation",
    most: MOST_ANNOTATIONS,
    is_key_checked: |value| !is_blank(value),
    value_fault: annotation_value_fault,
};

impl PairRules {
    /// Returns what is wrong with the key of a value.
    pub fn key_fault(&self, key: &str, value: &str) -> Option<String> {
        key_fault(key).filter(|_| (self.is_key_checked)(value))
    }
}

/// Returns what is wrong with the key of a label or an annotation: `NAME` or `PREFIX/NAME`.
pub fn key_fault(key: &str) -> Option<String> {
    if is_blank(key) {
        return Some(EMPTY_KEY.to_owned());
    }
    if key.bytes().filter(|byte| *byte == b'/').count() > 1 {
        return Some(TWO_SLASHES.to_owned());
    }
    let (prefix, name) = match key.split_once('/') {
        // A Cloud Controller reports the empty name of `/`, not its empty prefix.
        Some(("", "")) => (None, ""),
        Some((prefix, name)) => (Some(prefix), name),
        None => (None, key),
    };
    if let Some(fault) = prefix.and_then(prefix_fault) {
        return Some(fault);
    }
    if is_blank(name) {
        return Some(EMPTY_KEY.to_owned());
    }
    name_fault(name)
}

/// Returns what is wrong with the value of a label. An empty value is valid.
pub fn value_fault(value: &str) -> Option<String> {
    if value.is_empty() {
        return None;
    }
    name_fault(value)
}

/// Returns what is wrong with the value of an annotation.
pub fn annotation_value_fault(value: &str) -> Option<String> {
    // A text has at least as many bytes as characters. The characters of a short text need not be counted.
    let too_long = value.len() > LONGEST_ANNOTATION && value.chars().count() > LONGEST_ANNOTATION;
    too_long.then(|| {
        let start = start(value);
        format!("'{start}...' is greater than {LONGEST_ANNOTATION} characters")
    })
}

fn name_fault(name: &str) -> Option<String> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    if !name.bytes().all(allowed) {
        return Some(format!("'{name}' contains invalid characters"));
    }
    if !has_alphanumeric_ends(name) {
        return Some(format!("'{name}' starts or ends with invalid characters"));
    }
    (name.len() > LONGEST_NAME).then(|| {
        let start = start(name);
        format!("'{start}...' is greater than {LONGEST_NAME} characters")
    })
}

fn prefix_fault(prefix: &str) -> Option<String> {
    if !is_domain(prefix) {
        return Some(format!("prefix '{prefix}' must be in valid dns format"));
    }
    if prefix.len() > LONGEST_PREFIX {
        let start = start(prefix);
        return Some(format!(
            "prefix '{start}...' is greater than {LONGEST_PREFIX} characters"
        ));
    }
    prefix
        .eq_ignore_ascii_case(RESERVED_PREFIX)
        .then(|| format!("prefix '{RESERVED_PREFIX}' is reserved"))
}

/// Whether the text has at least two parts between dots, each of 1 to 63 letters, digits and inner hyphens.
fn is_domain(text: &str) -> bool {
    text.contains('.')
        && text.split('.').all(|part| {
            part.len() <= LONGEST_NAME
                && has_alphanumeric_ends(part)
                && part
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        })
}

fn has_alphanumeric_ends(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphanumeric())
        && text.ends_with(|last: char| last.is_ascii_alphanumeric())
}

/// Returns whether the text is empty or whitespace, like `blank?` of Rails.
pub(crate) fn is_blank(text: &str) -> bool {
    text.chars().all(char::is_whitespace)
}

fn start(text: &str) -> String {
    text.chars().take(SHOWN).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn key_is_a_name_or_a_prefix_and_a_name() {
        for valid in ["env", "example.com/env", "a-b_c.d", "EXAMPLE.org/X"] {
            assert_eq!(key_fault(valid), None, "{valid}");
        }
        for (key, text) in [
            ("", EMPTY_KEY),
            (" ", EMPTY_KEY),
            ("/", EMPTY_KEY),
            ("example.com/", EMPTY_KEY),
            ("a/b/c", TWO_SLASHES),
            ("com/env", "prefix 'com' must be in valid dns format"),
            ("-a.com/x", "prefix '-a.com' must be in valid dns format"),
            ("-a", "'-a' starts or ends with invalid characters"),
            ("a.", "'a.' starts or ends with invalid characters"),
            ("a b", "'a b' contains invalid characters"),
            ("ä", "'ä' contains invalid characters"),
            (
                "CloudFoundry.org/x",
                "prefix 'cloudfoundry.org' is reserved",
            ),
        ] {
            assert_eq!(key_fault(key).as_deref(), Some(text), "{key}");
        }
    }

    #[test]
    fn names_and_values_have_at_most_63_characters() {
        let (longest, too_long) = ("a".repeat(63), "a".repeat(64));
        let text = "'aaaaaaaa...' is greater than 63 characters";
        for fault in [key_fault, value_fault] {
            assert_eq!(fault(&longest), None);
            assert_eq!(fault(&too_long).as_deref(), Some(text));
        }
        assert_eq!(value_fault(""), None);
    }

    #[test]
    fn annotations_have_at_most_5000_characters() {
        assert_eq!(annotation_value_fault(&"ä".repeat(5000)), None);
        assert_eq!(
            annotation_value_fault(&"ä".repeat(5001)).as_deref(),
            Some("'ääääääää...' is greater than 5000 characters")
        );
    }
}
