//! Reads on after a fault, so that one run reports all faults of a seed. Each value is read twice here, which a seed
//! without faults does not pay for.
//!
//! A faulty field is reported and left out. The rest of its entry is still applied, so that entries which refer to it
//! are not reported too. Nothing of a seed with a fault is stored.

use std::borrow::Cow;

use serde::de::DeserializeSeed;
use serde_json::Error as JsonError;
use serde_path_to_error::Track;

use super::entry::{ByKind, EntryKind, Position, SeedFormat};
use super::fault::{ApplyError, Stop};
use super::json_error;
use super::json_text::{JsonText, Member, Segment, elements, find, members, without};
use super::messages;
use super::reading::Reading;
use super::syntax;

/// Reads the rest of a JSON seed in which a parser found `error`: the entries of `kind` after the first `handled`, and
/// those of the kinds that follow.
pub(super) fn read_rest(
    reading: &mut Reading<'_, '_, '_>,
    document: JsonText<'_>,
    kind: EntryKind,
    handled: u64,
    error: &JsonError,
) -> Result<(), Stop> {
    let format = SeedFormat::Json;
    if !may_be_object(document.text) {
        syntax::add_fault(reading, &document, error, format)?;
        return Err(Stop::Unreadable);
    }
    let repaired = syntax::repair(reading, document, format)?;
    let members_of = repaired.as_deref().and_then(|text| {
        let members = members(text)?;
        Some((text, members))
    });
    let Some((text, members)) = members_of else {
        return Err(Stop::Unreadable);
    };
    let document = JsonText { text, ..document };
    let arrays = arrays_by_kind(reading, &document, members)?;
    let kinds = EntryKind::ALL.iter().skip_while(|other| **other != kind);
    for other in kinds {
        let handled = if *other == kind { handled } else { 0 };
        for (number, entry) in (0..).zip(&arrays[*other]) {
            if number >= handled {
                let position = Position {
                    format,
                    kind: *other,
                    number,
                };
                read_entry(reading, &document, position, entry)?;
            }
        }
    }
    Ok(())
}

/// Returns the texts of the entries, and adds the faults of what is around them.
fn arrays_by_kind<'t>(
    reading: &mut Reading<'_, '_, '_>,
    document: &JsonText<'t>,
    members: Vec<Member<'t>>,
) -> Result<ByKind<Vec<&'t str>>, Stop> {
    let mut arrays = ByKind::<Option<Vec<&str>>>::default();
    for member in members {
        let name = member.name();
        let place = |part| document.place_of(part, name.clone());
        let kind = match EntryKind::named(EntryKind::plural, &name) {
            Ok(kind) => kind,
            Err(text) => {
                // They may be the entries to which others refer.
                for entry in elements(member.value).unwrap_or_default() {
                    refuse_names(reading, entry);
                }
                reading.add_fault(place(member.key), text)?;
                continue;
            }
        };
        if arrays[kind].is_some() {
            reading.add_fault(place(member.key), messages::field_twice(&name))?;
            reading.applier.refuse_any();
            continue;
        }
        let array = match member.value {
            "null" => Some(Vec::new()),
            value => elements(value),
        };
        if array.is_none() {
            reading.add_fault(place(member.value), messages::not_an_array(member.value))?;
            reading.applier.refuse_any();
        }
        arrays[kind] = Some(array.unwrap_or_default());
    }
    let mut entries = ByKind::default();
    for kind in EntryKind::ALL {
        entries[*kind] = arrays[*kind].take().unwrap_or_default();
    }
    Ok(entries)
}

/// Reads a line of JSON Lines in which a parser found `error`.
pub(super) fn read_line(
    reading: &mut Reading<'_, '_, '_>,
    document: JsonText<'_>,
    number: u64,
    error: &JsonError,
) -> Result<(), Stop> {
    let format = SeedFormat::JsonLines;
    if !may_be_object(document.text) {
        reading.applier.refuse_any();
        return syntax::add_fault(reading, &document, error, format);
    }
    let Some(text) = syntax::repair(reading, document, format)? else {
        reading.applier.refuse_any();
        return Ok(());
    };
    let document = JsonText {
        text: &text,
        ..document
    };
    let text = text.trim_ascii();
    if text.is_empty() {
        return Ok(());
    }
    let members = members(text).unwrap_or_default();
    let Some((first, others)) = members.split_first() else {
        let place = document.place_of(text, String::new());
        return reading.add_fault(place, messages::EMPTY_LINE_OBJECT);
    };
    let mut first_kind = None;
    for member in &members {
        let name = member.name();
        let text = match EntryKind::named(EntryKind::singular, &name) {
            Ok(kind) if others.is_empty() => {
                first_kind = Some(kind);
                continue;
            }
            // The first of several is reported with the second.
            Ok(_) if member.key.as_ptr() == first.key.as_ptr() => continue,
            Ok(kind) => messages::second_entry(kind),
            Err(text) => text,
        };
        reading.applier.refuse_any();
        reading.add_fault(document.place_of(member.key, name), text)?;
    }
    match first_kind {
        Some(kind) => {
            let position = Position {
                format,
                kind,
                number,
            };
            read_entry(reading, &document, position, first.value)
        }
        None => Ok(()),
    }
}

/// Adds the faults of one entry, and applies what is left of it. `entry` is a part of `document`.
fn read_entry(
    reading: &mut Reading<'_, '_, '_>,
    document: &JsonText<'_>,
    position: Position,
    entry: &str,
) -> Result<(), Stop> {
    let mut text = Cow::Borrowed(entry);
    let mut removed = Vec::new();
    loop {
        let mut deserializer = serde_json::Deserializer::from_str(&text);
        let error = match position.kind.deserialize(&mut deserializer) {
            Ok(parsed) => {
                let applied = reading.applier.apply(position, &parsed);
                if removed.iter().any(|key| key == "name" || key == "guid") {
                    refuse_names(reading, entry);
                }
                return match applied {
                    // It is missing only because it was left out here.
                    Err(ApplyError::Entry(error)) if error.is_missing_one_of(&removed) => Ok(()),
                    applied => reading.add_if_wrong(Some(document), position, applied),
                };
            }
            Err(error) => error,
        };
        let path = path_of_error(position.kind, &text);
        let found = document.place_of(find(entry, &path), position.path(&Segment::join(&path)));
        reading.add_fault(found, json_error::text_of(&error, None, position.format))?;
        let Some((shorter, keys)) = without_fault(&text, &path) else {
            refuse_names(reading, entry);
            return Ok(());
        };
        removed.extend(keys);
        text = Cow::Owned(shorter);
    }
}

/// Returns the path in an entry at which a parser stops.
fn path_of_error(kind: EntryKind, entry: &str) -> Vec<Segment> {
    let mut track = Track::new();
    let mut deserializer = serde_json::Deserializer::from_str(entry);
    let tracked = serde_path_to_error::Deserializer::new(&mut deserializer, &mut track);
    // The error is known; only the path of it is new.
    let _ = kind.deserialize(tracked).is_err();
    Segment::of_track(track)
}

/// Returns the entry without the member at a path, or else without the field that contains it, and the keys of the path.
/// `None` if there is no such field.
fn without_fault(entry: &str, path: &[Segment]) -> Option<(String, Vec<String>)> {
    let is_key = |segment: &Segment| matches!(segment, Segment::Key(_));
    let member = &path[..=path.iter().rposition(is_key)?];
    let shorter = without(entry, member).or_else(|| without(entry, &path[..1]))?;
    let keys = member.iter().filter_map(|segment| match segment {
        Segment::Key(key) => Some(key.clone()),
        Segment::Index(_) => None,
    });
    Some((shorter, keys.collect()))
}

/// Remembers the name and the guid of an entry, so that entries which refer to it are not reported.
fn refuse_names(reading: &mut Reading<'_, '_, '_>, entry: &str) {
    for member in members(entry).unwrap_or_default() {
        if matches!(&*member.name(), "name" | "guid")
            && let Ok(name) = serde_json::from_str::<String>(member.value)
        {
            reading.applier.refuse(&name);
        }
    }
}

/// Whether a text begins with an object, or with a comment before it.
fn may_be_object(text: &str) -> bool {
    text.trim_ascii_start().starts_with(['{', '/', '#'])
}
