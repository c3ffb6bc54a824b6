//! The fields of entries as types: what parsed is right, and a wrong one never gets further.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, Visitor};

use super::fault::quoted;
use crate::clock;

/// Any text without NUL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Text<'a>(pub(super) Cow<'a, str>);

/// 1 to 200 of `[A-Za-z0-9._-]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Guid<'a>(pub(super) Cow<'a, str>);

/// 1 to 250 characters, none of them a control character.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Name<'a>(pub(super) Cow<'a, str>);

/// A guid or a name of something else: what it refers to is found when the entry is applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Reference<'a>(pub(super) Cow<'a, str>);

/// Seconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Time(pub(super) i64);

/// Lower-case hex of `DIGITS` digits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Checksum<'a, const DIGITS: usize>(pub(super) Cow<'a, str>);

/// What a package holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Type {
    Bits,
    Docker,
}

/// One of the states, by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct State(pub(super) &'static str);

/// One of the lifecycles, by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Lifecycle(pub(super) &'static str);

/// A role by its name, and whether it is held in a space or in an organization.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Organization(&'static str),
    Space(&'static str),
}

pub(super) const STATES: [&str; 6] = [
    "AWAITING_UPLOAD",
    "PROCESSING_UPLOAD",
    "READY",
    "FAILED",
    "COPYING",
    "EXPIRED",
];
const LIFECYCLES: [&str; 3] = ["buildpack", "docker", "cnb"];
const TYPES: [&str; 2] = ["bits", "docker"];
const ROLES: [&str; 8] = [
    "organization_user",
    "organization_auditor",
    "organization_manager",
    "organization_billing_manager",
    "space_auditor",
    "space_developer",
    "space_manager",
    "space_supporter",
];

impl Type {
    pub(super) fn name(self) -> &'static str {
        TYPES[self as usize]
    }
}

impl Lifecycle {
    pub(super) const DEFAULT: Self = Self(LIFECYCLES[0]);
}

impl Role {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Organization(name) | Self::Space(name) => name,
        }
    }
}

/// The one of `all` that `text` names.
fn one_of(what: &str, text: &str, all: &'static [&'static str]) -> Result<&'static str, String> {
    all.iter()
        .copied()
        .find(|name| *name == text)
        .ok_or_else(|| {
            let names: Vec<_> = all.iter().map(|name| format!("`{name}`")).collect();
            format!(
                "{} is not a {what}; it is one of {}",
                quoted(text),
                names.join(", ")
            )
        })
}

fn guid(text: Cow<'_, str>) -> Result<Guid<'_>, String> {
    let right = (1..=200).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'));
    if right {
        Ok(Guid(text))
    } else {
        Err(format!(
            "{} is not a guid: 1 to 200 characters of `A-Z a-z 0-9 . _ -`",
            quoted(&text)
        ))
    }
}

fn name(text: Cow<'_, str>) -> Result<Name<'_>, String> {
    // Each character has at most 4 bytes, so that long texts are not counted.
    let right = text.len() <= 1000
        && (1..=250).contains(&text.chars().count())
        && !text.chars().any(char::is_control);
    if right {
        Ok(Name(text))
    } else {
        Err(format!(
            "{} is not a name: 1 to 250 characters without control characters",
            quoted(&text)
        ))
    }
}

fn checksum<const DIGITS: usize>(text: Cow<'_, str>) -> Result<Checksum<'_, DIGITS>, String> {
    let right = text.len() == DIGITS
        && text
            .bytes()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    if right {
        Ok(Checksum(text))
    } else {
        Err(format!(
            "{} is not a checksum of {DIGITS} lower-case hex digits",
            quoted(&text)
        ))
    }
}

fn time(text: &str) -> Result<Time, String> {
    clock::parse(text).map(Time).ok_or_else(|| {
        format!(
            "{} is not a time of the form `YYYY-MM-DDTHH:MM:SSZ`, 1970 to 9999",
            quoted(text)
        )
    })
}

fn role(text: &str) -> Result<Role, String> {
    one_of("role", text, &ROLES).map(|name| {
        if name.starts_with("space") {
            Role::Space(name)
        } else {
            Role::Organization(name)
        }
    })
}

/// Reads a string, borrowed where it can be, and lets `read` make the field of it.
fn read_text<'de, D: Deserializer<'de>, T>(
    deserializer: D,
    read: fn(Cow<'de, str>) -> Result<T, String>,
) -> Result<T, D::Error> {
    struct Reading<'de, T>(fn(Cow<'de, str>) -> Result<T, String>);

    impl<'de, T> Reading<'de, T> {
        fn read<E: Error>(self, text: Cow<'de, str>) -> Result<T, E> {
            if text.contains('\0') {
                return Err(E::custom(format!(
                    "{} holds a NUL (`\\u0000`), which no text may",
                    quoted(&text)
                )));
            }
            (self.0)(text).map_err(E::custom)
        }
    }

    impl<'de, T> Visitor<'de> for Reading<'de, T> {
        type Value = T;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a string")
        }

        fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<T, E> {
            self.read(Cow::Borrowed(text))
        }

        fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
            self.read(Cow::Owned(text.to_owned()))
        }
    }

    deserializer.deserialize_str(Reading(read))
}

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        read_text(deserializer, |text| Ok(Text(text)))
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Guid<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        read_text(deserializer, guid)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Name<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        read_text(deserializer, name)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Reference<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        read_text(deserializer, |text| Ok(Reference(text)))
    }
}

impl<'de: 'a, 'a, const DIGITS: usize> Deserialize<'de> for Checksum<'a, DIGITS> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        read_text(deserializer, checksum)
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        read_text(deserializer, |text| time(&text))
    }
}

impl<'de> Deserialize<'de> for Type {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        read_text(deserializer, |text| {
            one_of("type", &text, &TYPES).map(|name| match name {
                "bits" => Self::Bits,
                _ => Self::Docker,
            })
        })
    }
}

impl<'de> Deserialize<'de> for State {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        read_text(deserializer, |text| {
            one_of("state", &text, &STATES).map(Self)
        })
    }
}

impl<'de> Deserialize<'de> for Lifecycle {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        read_text(deserializer, |text| {
            one_of("lifecycle", &text, &LIFECYCLES).map(Self)
        })
    }
}

impl<'de> Deserialize<'de> for Role {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        read_text(deserializer, |text| role(&text))
    }
}
