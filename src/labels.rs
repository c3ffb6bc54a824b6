//! What a label's key and value may be (reference: packages-api.md §1.6, the table of texts).

const EMPTY_KEY: &str = "key cannot be empty string";
const TWO_SLASHES: &str = "key has more than one '/'";
const RESERVED: &str = "cloudfoundry.org";
const LONGEST: usize = 63;
const LONGEST_PREFIX: usize = 253;
/// How much of a text that is too long is shown.
const SHOWN: usize = 8;

/// The key's first fault.
pub fn key_fault(key: &str) -> Option<String> {
    if is_blank(key) {
        return Some(EMPTY_KEY.to_owned());
    }
    if key.bytes().filter(|byte| *byte == b'/').count() > 1 {
        return Some(TWO_SLASHES.to_owned());
    }
    let (prefix, name) = match key.split_once('/') {
        // A lone `/` has neither prefix nor name.
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

/// The value's first fault. An empty value is right.
pub fn value_fault(value: &str) -> Option<String> {
    if value.is_empty() {
        return None;
    }
    name_fault(value)
}

fn name_fault(name: &str) -> Option<String> {
    let right = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    if !name.bytes().all(right) {
        return Some(format!("'{name}' contains invalid characters"));
    }
    if !has_plain_ends(name) {
        return Some(format!("'{name}' starts or ends with invalid characters"));
    }
    (name.len() > LONGEST)
        .then(|| format!("'{}...' is greater than {LONGEST} characters", start(name)))
}

fn prefix_fault(prefix: &str) -> Option<String> {
    if !is_domain(prefix) {
        return Some(format!("prefix '{prefix}' must be in valid dns format"));
    }
    if prefix.len() > LONGEST_PREFIX {
        return Some(format!(
            "prefix '{}...' is greater than {LONGEST_PREFIX} characters",
            start(prefix)
        ));
    }
    prefix
        .eq_ignore_ascii_case(RESERVED)
        .then(|| format!("prefix '{RESERVED}' is reserved"))
}

/// At least two labels, each of 1 to 63 letters, digits and inner hyphens.
fn is_domain(text: &str) -> bool {
    text.contains('.')
        && text.split('.').all(|label| {
            label.len() <= LONGEST
                && has_plain_ends(label)
                && label
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        })
}

fn has_plain_ends(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphanumeric())
        && text.ends_with(|last: char| last.is_ascii_alphanumeric())
}

fn is_blank(text: &str) -> bool {
    text.chars().all(char::is_whitespace)
}

fn start(text: &str) -> String {
    text.chars().take(SHOWN).collect()
}
