//! Every text about a seed that is refused, except those about JSON (`json_error`).

use std::io;

use super::entry::{EntryKind, Position, SeedFormat};
use crate::error_text::os_error;

// The end of a report of several faults

pub(super) fn several_faults(count: usize) -> String {
    format!("{count} faults; nothing was stored")
}

pub(super) fn first_faults(count: usize) -> String {
    format!("the first {count} faults; nothing was stored, and there may be more")
}

// Sources

pub(super) fn no_such_seed<'a>(bundled: impl Iterator<Item = &'a str>) -> String {
    format!(
        "no file and no bundled seed has this name; the bundled seeds are {}",
        in_backticks(bundled)
    )
}

pub(super) fn unreadable(error: &io::Error) -> String {
    format!("cannot be read: {}", os_error(error))
}

pub(super) const EMPTY_SEED: &str = "is empty; an empty seed is `{}`";
pub(super) const BYTE_ORDER_MARK: &str =
    "a byte order mark (BOM) at the beginning; save the seed as UTF-8 without one";
pub(super) const LARGE_JSON: &str =
    "is larger than 256 MiB; use JSON Lines, which may be of any length";
pub(super) const LONG_LINE: &str = "is longer than 8 MiB, the limit for one entry";

pub(super) const LARGE_ANSWERS: &str =
    "with the answers before it, has more than 256 MiB; `record` writes a seed of any length";

pub(super) fn not_utf8(byte: u8) -> String {
    format!("the byte `0x{byte:02x}` is not UTF-8")
}

// Text that is not JSON

pub(super) fn trailing_comma(end: char) -> String {
    format!("a trailing comma: JSON has no comma before `{end}`; remove it")
}

pub(super) const COMMA_AFTER_LINE: &str =
    "a trailing comma: JSON Lines has no comma between lines; remove it";

pub(super) fn comment(comment: &str) -> String {
    format!(
        "the comment {}: JSON has no comments; remove it",
        quoted(comment)
    )
}

// Fields

/// What is expected where an object must be.
pub(super) const OBJECT: &str = "an object";
/// What is expected where a text must be.
pub(super) const TEXT: &str = "a string";
/// What is expected where a password must be. The message about another value does not show it.
pub(super) const SECRET_TEXT: &str = "a string (a secret)";
/// Does not quote the text, which may be a password.
pub(super) const NUL: &str = "the text contains a NUL (`\\u0000`), which is not allowed";

pub(super) fn not_one_of(what: &str, text: &str, words: &[&str]) -> String {
    format!(
        "{} is not a {what}; it is one of {}",
        quoted(text),
        in_backticks(words.iter().copied())
    )
}

pub(super) fn not_a_guid(text: &str) -> String {
    format!(
        "{} is not a guid: 1 to 200 characters of `A-Z a-z 0-9 . _ -`",
        quoted(text)
    )
}

pub(super) fn guid_with_format(text: &str) -> String {
    format!(
        "{} is not a guid: a path that ends in `.json` names the format, as in a Cloud Controller, so that no request would find it",
        quoted(text)
    )
}

pub(super) fn not_a_name(text: &str) -> String {
    format!(
        "{} is not a name: 1 to 250 characters without control characters",
        quoted(text)
    )
}

pub(super) fn not_a_checksum(text: &str, digits: usize) -> String {
    format!(
        "{} is not a checksum of {digits} lower-case hex digits",
        quoted(text)
    )
}

pub(super) fn not_a_time(text: &str) -> String {
    format!(
        "{} is not a time of the form `YYYY-MM-DDTHH:MM:SSZ`, 1970 to 9999",
        quoted(text)
    )
}

/// `what` is `label` or `annotation`.
pub(super) fn invalid_key(what: &str, key: &str, error: &str) -> String {
    format!("{what} key {}: {error}", quoted(key))
}

/// `what` is `label` or `annotation`.
pub(super) fn invalid_value(what: &str, key: &str, value: &str, error: &str) -> String {
    format!("{what} {}: value {}: {error}", quoted(key), quoted(value))
}

/// `what` is `label` or `annotation`.
pub(super) fn too_many_pairs(what: &str, count: usize, most: usize) -> String {
    format!("{count} {what}s are too many; one entry has at most {most}")
}

pub(super) fn key_twice(key: &str) -> String {
    format!("the key {} appears twice", quoted(key))
}

// Entries

pub(super) fn missing_field(field: &str) -> String {
    format!("the field `{field}` is missing")
}

pub(super) fn missing_fields(field: &str, other: &str) -> String {
    format!("both `{field}` and `{other}` are missing; give at least one of them")
}

/// `what` is `type`, `state` or `role`.
pub(super) fn does_not_go_with(field: &str, what: &str, value: &str) -> String {
    format!("`{field}` does not go with the {what} `{value}`")
}

pub(super) const NO_FOLDER_OF_BITS: &str = "`bits` names a file relative to the file of the seed, and this seed is not a file; name the seed as a file";

pub(super) fn unreadable_bits(name: &str, error: &io::Error) -> String {
    format!("`{}` cannot be read: {}", printable(name), os_error(error))
}

pub(super) fn not_an_archive(name: &str) -> String {
    format!(
        "`{}` is not a zip archive with entries, of which a package consists",
        printable(name)
    )
}

/// `field` is `sha1` or `sha256`.
pub(super) fn other_checksum(name: &str, field: &str, checksum: &str) -> String {
    format!(
        "`{}` has the {field} `{checksum}`; correct it, or leave out `{field}`",
        printable(name)
    )
}

pub(super) fn unknown_kind<'a>(name: &str, kinds: impl Iterator<Item = &'a str>) -> String {
    unknown_field(name, &in_backticks(kinds))
}

pub(super) fn unknown_field(field: &str, fields: &str) -> String {
    format!("unknown field {}; the fields are {fields}", quoted(field))
}

pub(super) fn field_twice(field: &str) -> String {
    format!("the field {} appears twice", quoted(field))
}

/// `value` is the JSON of the value.
pub(super) fn not_an_array(value: &str) -> String {
    let found = match value.as_bytes().first() {
        Some(b'{') => "an object".to_owned(),
        Some(b'"') => format!("the text {}", quoted(value.trim_matches('"'))),
        Some(b't' | b'f') => quoted(value),
        _ => format!("the number {}", quoted(value)),
    };
    format!("expected an array, found {found}")
}

pub(super) const EMPTY_LINE_OBJECT: &str =
    "the object is empty; a line holds one entry, as `{\"package\": {…}}`";

pub(super) fn second_entry(kind: EntryKind) -> String {
    format!(
        "the line holds a second entry, `{}`; each entry needs its own line",
        kind.singular()
    )
}

// Answers of the API

pub(super) const NOT_AN_ANSWER: &str = "is neither a seed nor an answer of the API, which has `pagination` and `resources`, or `guid` and `links`";
pub(super) const CUT_OFF: &str = "is not whole: it ends in the middle";
pub(super) const NOT_A_PAGINATION: &str = "expected the pagination of a list";
pub(super) const NOT_A_RESOURCE: &str = "expected an object with a `guid`";
pub(super) const NO_RELATED_RESOURCE: &str = "the answer names no guid here";
pub(super) const UNKNOWN_RESOURCE: &str = "nothing says what this is: neither `links.self` nor the `pagination` of a list; save the whole answer";

pub(super) const NOT_A_LIST: &str =
    "is not a page of a list, which has `pagination` and `resources`";

/// `list` is the last part of the path of the list.
pub(super) fn resource_of_another_list(list: &str) -> String {
    format!("is not one of the {list}")
}

/// `path` is where the fault is in the answer. It may be empty.
pub(super) fn fault_of_answer(path: &str, text: &str) -> String {
    match path {
        "" => shortened(text),
        path => format!("`{}`: {}", shortened(path), shortened(text)),
    }
}

/// `text` is what is wrong with the resource.
pub(super) fn in_resource(guid: &str, text: &str) -> String {
    format!("the resource {}: {text}", quoted(guid))
}

/// `error` is what the answer says.
pub(super) fn error_answer(error: &str) -> String {
    format!(
        "is the error {} instead of a list; save the answer again with a valid request",
        quoted(error)
    )
}

/// `name` is the last part of the path of the list.
pub(super) fn other_resource(name: &str) -> String {
    format!(
        "{} are not part of a seed; it takes answers of {}",
        quoted(name),
        in_backticks(
            [
                "/v3/organizations",
                "/v3/spaces",
                "/v3/apps",
                "/v3/users",
                "/v3/roles",
                "/v3/packages"
            ]
            .into_iter()
        )
    )
}

/// `list` is what a list has, in the plural.
pub(super) fn incomplete(list: &str, held: u64, total: u64) -> String {
    format!(
        "the answers hold {held} of {total} {list}; save the other pages too, of which `per_page=5000` makes fewer"
    )
}

/// `counts` says how many there are of each kind.
pub(super) fn made_up(counts: &str) -> String {
    format!(
        "{counts} made up, because the answers refer to them and do not hold them; save {} too",
        in_backticks(["/v3/apps", "/v3/spaces", "/v3/organizations"].into_iter())
    )
}

// References and uniqueness

pub(super) fn guid_twice(guid: &str, first: Position) -> String {
    format!(
        "the guid {} is used twice: here and in {}",
        quoted(guid),
        first.in_words()
    )
}

pub(super) fn name_twice(name: &str, first: Position) -> String {
    format!(
        "the {} name {} is used twice: here and in {}",
        first.kind.singular(),
        quoted(name),
        first.in_words()
    )
}

pub(super) fn name_taken(name: &str, kind: EntryKind, guid: &str) -> String {
    format!(
        "the name {} is taken by the {} {} in the database",
        quoted(name),
        kind.singular(),
        quoted(guid)
    )
}

/// `path` is the path of one of the entries with that name.
pub(super) fn ambiguous_name(name: &str, count: usize, kind: EntryKind, path: &str) -> String {
    format!(
        "{} is the name of {count} {}; refer to one by its path, such as {}, or by its guid",
        quoted(name),
        kind.plural(),
        quoted(path)
    )
}

/// `nearest` is what the text may have meant.
pub(super) fn unknown_reference(
    text: &str,
    kind: EntryKind,
    format: SeedFormat,
    nearest: Option<&str>,
) -> String {
    let known_by = match kind {
        EntryKind::Organization => "the guid or the name",
        _ => "the guid, the name or the path",
    };
    let hint = match nearest {
        Some(nearest) => format!("; did you mean {}?", quoted(nearest)),
        None => earlier_line(format).to_owned(),
    };
    format!(
        "no {} has {known_by} {}{hint}",
        kind.singular(),
        quoted(text)
    )
}

pub(super) fn pruned_reference(text: &str, kind: EntryKind, format: SeedFormat) -> String {
    format!(
        "the {} {} is in the database, but will be removed by `prune`, because the seeds do not have it; add it to a \
         seed{}",
        kind.singular(),
        quoted(text),
        earlier_line(format)
    )
}

fn earlier_line(format: SeedFormat) -> &'static str {
    match format {
        SeedFormat::Json => "",
        SeedFormat::JsonLines => "; in JSON Lines it must be on an earlier line",
    }
}

/// Returns a value for a sentence: in backticks, on one line, and at most 80 characters of it.
pub(super) fn quoted(value: &str) -> String {
    const SHOWN: usize = 80;
    let mut text = String::from("`");
    text.push_str(&printable(&value.chars().take(SHOWN).collect::<String>()));
    if value.chars().nth(SHOWN).is_some() {
        text.push('…');
    }
    text.push('`');
    text
}

fn in_backticks<'a>(words: impl Iterator<Item = &'a str>) -> String {
    let words: Vec<_> = words.map(|word| format!("`{word}`")).collect();
    words.join(", ")
}

/// Escapes control characters, so that a message stays on one line.
pub(super) fn printable(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_control() {
            shown.extend(character.escape_default());
        } else {
            shown.push(character);
        }
    }
    shown
}

/// Cuts the middle out of a text of more than 800 characters, since a seed can contain names of any length.
pub(super) fn shortened(text: &str) -> String {
    const FIRST: usize = 300;
    const LAST: usize = 500;
    let length = text.chars().count();
    if length <= FIRST + LAST {
        return printable(text);
    }
    let first: String = text.chars().take(FIRST).collect();
    let last: String = text.chars().skip(length - LAST).collect();
    format!("{}…{}", printable(&first), printable(&last))
}
