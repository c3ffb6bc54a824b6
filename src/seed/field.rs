//! The types of the fields of entries. Reading one checks it, so that an entry never holds an invalid value.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error, MapAccess, Visitor};
use serde::ser::{Serialize, Serializer};

use super::messages;
use crate::clock;
use crate::labels::{ANNOTATIONS, LABELS, PairRules};
use crate::records::user::RoleScope;
use crate::records::{Metadata, app, package, rules};

/// Declares a field type that holds text, borrowed from the seed if it contains no escapes. `$check` returns what is
/// wrong with a text.
macro_rules! text_field {
    ($(#[$doc:meta])* $name:ident, $check:expr) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub(super) struct $name<'a>(pub(super) Cow<'a, str>);

        impl<'a> $name<'a> {
            /// Wraps a value that was checked before, because it is stored or generated.
            pub(super) fn trusted(text: impl Into<Cow<'a, str>>) -> Self {
                Self(text.into())
            }

            pub(super) fn as_str(&self) -> &str {
                &self.0
            }

            /// Fails with what is wrong with the text.
            pub(super) fn checked(text: Text<'a>) -> Result<Self, String> {
                let check: fn(&str) -> Result<(), String> = $check;
                check(text.as_str())?;
                Ok(Self(text.0))
            }
        }

        impl<'de: 'a, 'a> Deserialize<'de> for $name<'a> {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = deserializer.deserialize_str(TextVisitor { expected: messages::TEXT })?;
                Self::checked(Text(text)).map_err(D::Error::custom)
            }
        }

        impl Serialize for $name<'_> {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }
    };
}

text_field!(
    /// Any text without NUL.
    Text,
    |_| Ok(())
);
text_field!(
    /// 1 to 200 characters of `[A-Za-z0-9._-]`.
    Guid,
    check_guid
);
text_field!(
    /// 1 to 250 characters, none of which is a control character.
    Name,
    check_name
);
text_field!(
    /// The guid, the name or the path of a parent. The parent is looked up when the entry is applied.
    Reference,
    |_| Ok(())
);
text_field!(
    /// A SHA-1 checksum: 40 lower-case hex digits.
    Sha1,
    |text| check_hex(text, 40)
);
text_field!(
    /// A SHA-256 checksum: 64 lower-case hex digits.
    Sha256,
    |text| check_hex(text, 64)
);
text_field!(
    /// One of [`package::TYPES`].
    PackageType,
    |text| one_of("type", text, package::TYPES)
);
text_field!(
    /// One of [`package::STATES`].
    State,
    |text| one_of("state", text, package::STATES)
);
text_field!(
    /// One of [`app::LIFECYCLES`].
    Lifecycle,
    |text| one_of("lifecycle", text, app::LIFECYCLES)
);
text_field!(
    /// The name of a role in an organization or a space.
    Role,
    check_role
);

impl Role<'_> {
    /// Returns what the role is held in.
    pub(super) fn scope(&self) -> RoleScope {
        if RoleScope::Space.roles().contains(&self.as_str()) {
            RoleScope::Space
        } else {
            RoleScope::Organization
        }
    }
}

/// The password at a docker registry. Its `Debug` output is `***`.
pub(super) struct Password<'a>(Text<'a>);

impl<'a> Password<'a> {
    pub(super) fn new(password: &'a str) -> Self {
        Self(Text::trusted(password))
    }

    /// Returns the password as plain text.
    pub(super) fn reveal(&self) -> &str {
        self.0.as_str()
    }
}

impl fmt::Debug for Password<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Password<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = deserializer.deserialize_str(TextVisitor {
            expected: messages::SECRET_TEXT,
        })?;
        Ok(Self(Text(text)))
    }
}

/// An export contains passwords.
impl Serialize for Password<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

/// A time in seconds since 1970, UTC. In a seed it is `YYYY-MM-DDTHH:MM:SSZ`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Time(pub(super) i64);

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = deserializer.deserialize_str(TextVisitor {
            expected: messages::TEXT,
        })?;
        clock::parse(&text)
            .map(Self)
            .ok_or_else(|| D::Error::custom(messages::not_a_time(&text)))
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(clock::FormattedTime::new(self.0).as_str())
    }
}

/// Labels: pairs in the order given, with valid keys and values.
#[derive(Debug, serde::Serialize)]
#[serde(transparent)]
pub(super) struct Labels<'a>(pub(super) Metadata<'a>);

/// Annotations: pairs in the order given, with valid keys and values.
#[derive(Debug, serde::Serialize)]
#[serde(transparent)]
pub(super) struct Annotations<'a>(pub(super) Metadata<'a>);

impl<'de: 'a, 'a> Deserialize<'de> for Labels<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(PairsVisitor(LABELS)).map(Self)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Annotations<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer
            .deserialize_map(PairsVisitor(ANNOTATIONS))
            .map(Self)
    }
}

/// Checks a pair by the rules of `docs/reference/packages.md`.
fn check_pair(rules: PairRules, key: &str, value: &str) -> Result<(), String> {
    if let Some(fault) = rules.key_fault(key, value) {
        return Err(messages::invalid_key(rules.what, key, &fault));
    }
    match (rules.value_fault)(value) {
        Some(fault) => Err(messages::invalid_value(rules.what, key, value, &fault)),
        None => Ok(()),
    }
}

/// Reads an object of text. Null means that the pair is left out, as everywhere in a seed.
struct PairsVisitor(PairRules);

impl<'de> Visitor<'de> for PairsVisitor {
    type Value = Metadata<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of strings")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let Self(rules) = self;
        let mut pairs = Vec::new();
        let mut keys_of_null = Vec::new();
        while let Some(Text(key)) = map.next_key()? {
            match map.next_value_seed(PairValue { key: &key, rules })? {
                Some(value) => pairs.push((key, value)),
                None => keys_of_null.push(key),
            }
        }
        let keys = pairs.iter().map(|(key, _)| key).chain(&keys_of_null);
        let mut keys: Vec<&str> = keys.map(|key| &**key).collect();
        keys.sort_unstable();
        if let Some(two) = keys.windows(2).find(|two| two[0] == two[1]) {
            return Err(A::Error::custom(messages::key_twice(two[0])));
        }
        if pairs.len() > rules.most {
            let text = messages::too_many_pairs(rules.what, pairs.len(), rules.most);
            return Err(A::Error::custom(text));
        }
        Ok(Metadata(pairs))
    }
}

/// Reads the value of a pair. An error in the key belongs to it, so that the path of the error has the key.
struct PairValue<'k> {
    key: &'k str,
    rules: PairRules,
}

impl<'de> DeserializeSeed<'de> for PairValue<'_> {
    type Value = Option<Cow<'de, str>>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        let Some(Text(value)) = Option::<Text<'de>>::deserialize(deserializer)? else {
            return Ok(None);
        };
        let checked = check_pair(self.rules, self.key, &value);
        checked.map_err(D::Error::custom)?;
        Ok(Some(value))
    }
}

/// Reads a string without NUL.
struct TextVisitor {
    expected: &'static str,
}

impl TextVisitor {
    fn checked<E: Error>(text: Cow<'_, str>) -> Result<Cow<'_, str>, E> {
        if text.contains('\0') {
            return Err(E::custom(messages::NUL));
        }
        Ok(text)
    }
}

impl<'de> Visitor<'de> for TextVisitor {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.expected)
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Cow<'de, str>, E> {
        Self::checked(Cow::Borrowed(text))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Cow<'de, str>, E> {
        Self::checked(Cow::Owned(text.to_owned()))
    }
}

fn one_of(what: &str, text: &str, words: &[&str]) -> Result<(), String> {
    if words.contains(&text) {
        Ok(())
    } else {
        Err(messages::not_one_of(what, text, words))
    }
}

fn check_role(text: &str) -> Result<(), String> {
    let roles = RoleScope::ALL.iter().flat_map(|scope| scope.roles());
    one_of("role", text, &roles.copied().collect::<Vec<_>>())
}

fn check_guid(text: &str) -> Result<(), String> {
    if !rules::is_guid(text) {
        Err(messages::not_a_guid(text))
    } else if rules::names_format(text) {
        Err(messages::guid_with_format(text))
    } else {
        Ok(())
    }
}

fn check_name(text: &str) -> Result<(), String> {
    if rules::is_name(text) {
        Ok(())
    } else {
        Err(messages::not_a_name(text))
    }
}

fn check_hex(text: &str, digits: usize) -> Result<(), String> {
    if rules::is_hex(text, digits) {
        Ok(())
    } else {
        Err(messages::not_a_checksum(text, digits))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::records::user::{ORGANIZATION_ROLES, SPACE_ROLES};

    #[test]
    fn scope_of_a_role_follows_from_its_name() {
        for (roles, scope) in [
            (ORGANIZATION_ROLES, RoleScope::Organization),
            (SPACE_ROLES, RoleScope::Space),
        ] {
            for role in roles {
                assert_eq!(Role::trusted(*role).scope(), scope, "{role}");
            }
        }
    }

    #[test]
    fn password_is_never_printed() {
        assert_eq!(format!("{:?}", Password::new("secret")), "***");
    }
}
