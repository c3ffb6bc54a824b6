//! Replaces what identifies people and systems in entries: names, guids, images, checksums, errors, labels, annotations and
//! users. States, types, roles, lifecycles, times, the number of entries and their relations stay.
//!
//! A replacement follows from the text and a key (HMAC-SHA256), so that the same text always gets the same replacement under
//! one key, and a guess cannot be checked without the key.

use ring::hmac;

use super::entry::{
    AppEntry, CredentialsEntry, Object, OrganizationEntry, PackageEntry, RoleEntry, SpaceEntry,
    UserEntry,
};
use super::field::{
    Annotations, Guid, Labels, Lifecycle, Name, PackageType, Reference, Role, Sha1, Sha256, State,
    Text,
};
use crate::labels;
use crate::records::Metadata;

/// The fewest letters of a replacement: 42 bits, so that two names never get the same one.
const SHORTEST: usize = 14;
/// The most letters of the replacement of a name.
const LONGEST_NAME: usize = 40;
/// The most letters of a part of a label: the most that a label may have.
const LONGEST_LABEL: usize = 63;

/// Makes replacements under one key.
pub struct Anonymizer {
    key: hmac::Key,
}

impl std::fmt::Debug for Anonymizer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Anonymizer(***)")
    }
}

impl Anonymizer {
    /// Makes replacements under `key`, which may have any length.
    pub fn new(key: &[u8]) -> Self {
        Self {
            key: hmac::Key::new(hmac::HMAC_SHA256, key),
        }
    }

    /// Returns a text by which the key is recognized, and from which it does not follow.
    pub fn fingerprint(&self) -> String {
        self.hex("fingerprint", "", 32)
    }

    pub(super) fn organization(&self, entry: OrganizationEntry<'_>) -> OrganizationEntry<'static> {
        OrganizationEntry {
            guid: self.guid(entry.guid),
            name: entry.name.map(|name| self.name("organization", &name)),
            suspended: entry.suspended,
            created_at: entry.created_at,
            labels: self.labels(entry.labels),
            annotations: self.annotations(entry.annotations),
        }
    }

    pub(super) fn space(&self, entry: SpaceEntry<'_>) -> SpaceEntry<'static> {
        SpaceEntry {
            guid: self.guid(entry.guid),
            name: entry.name.map(|name| self.name("space", &name)),
            organization: self.reference(entry.organization),
            created_at: entry.created_at,
            labels: self.labels(entry.labels),
            annotations: self.annotations(entry.annotations),
        }
    }

    pub(super) fn app(&self, entry: AppEntry<'_>) -> AppEntry<'static> {
        let lifecycle = entry
            .lifecycle
            .map(|lifecycle| Lifecycle::trusted(lifecycle.0.into_owned()));
        AppEntry {
            guid: self.guid(entry.guid),
            name: entry.name.map(|name| self.name("app", &name)),
            space: self.reference(entry.space),
            lifecycle,
            created_at: entry.created_at,
            labels: self.labels(entry.labels),
            annotations: self.annotations(entry.annotations),
        }
    }

    pub(super) fn user(&self, entry: UserEntry<'_>) -> UserEntry<'static> {
        let roles = entry.roles.map(|roles| {
            let roles = roles.into_iter().map(|Object(role)| RoleEntry {
                role: role.role.map(|role| Role::trusted(role.0.into_owned())),
                space: self.reference(role.space),
                organization: self.reference(role.organization),
            });
            roles.map(Object).collect()
        });
        UserEntry {
            guid: self.guid(entry.guid),
            name: entry.name.map(|name| self.name("user", &name)),
            roles,
        }
    }

    pub(super) fn package(&self, entry: PackageEntry<'_>) -> PackageEntry<'static> {
        let credentials = entry.credentials.map(|Object(credentials)| {
            let word = |domain, text: Option<Text<'_>>| {
                text.map(|text| Text::trusted(self.word(domain, text.as_str(), LONGEST_NAME)))
            };
            // The password is left out.
            Object(CredentialsEntry {
                user: word("docker user", credentials.user),
                password: None,
                email: word("email", credentials.email),
                login_server: word("host", credentials.login_server),
            })
        });
        PackageEntry {
            guid: self.guid(entry.guid),
            app: self.reference(entry.app),
            r#type: entry
                .r#type
                .map(|r#type| PackageType::trusted(r#type.0.into_owned())),
            image: entry
                .image
                .map(|image| Text::trusted(self.image(image.as_str()))),
            store_image: entry.store_image,
            credentials,
            state: entry
                .state
                .map(|state| State::trusted(state.0.into_owned())),
            error: entry.error.map(|error| {
                let word = self.word("error", error.as_str(), SHORTEST);
                Text::trusted(format!("error {word}"))
            }),
            bits: None,
            sha1: entry
                .sha1
                .map(|sha1| Sha1::trusted(self.hex("sha1", sha1.as_str(), 40))),
            sha256: entry
                .sha256
                .map(|sha256| Sha256::trusted(self.hex("sha256", sha256.as_str(), 64))),
            created_at: entry.created_at,
            updated_at: entry.updated_at,
            labels: self.labels(entry.labels),
            annotations: self.annotations(entry.annotations),
        }
    }

    fn guid(&self, guid: Option<Guid<'_>>) -> Option<Guid<'static>> {
        guid.map(|guid| Guid::trusted(self.uuid(guid.as_str())))
    }

    fn reference(&self, guid: Option<Reference<'_>>) -> Option<Reference<'static>> {
        guid.map(|guid| Reference::trusted(self.uuid(guid.as_str())))
    }

    /// Returns a guid. Users, too, get a UUID.
    pub(super) fn uuid(&self, guid: &str) -> String {
        let digest = self.block("guid", guid, 0);
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&digest.as_ref()[..16]);
        let uuid = uuid::Builder::from_random_bytes(bytes).into_uuid();
        uuid.hyphenated().to_string()
    }

    /// Upper and lower case are the same, as in the uniqueness of names.
    fn name(&self, domain: &str, name: &Name<'_>) -> Name<'static> {
        Name::trusted(self.word(domain, &name.as_str().to_lowercase(), LONGEST_NAME))
    }

    fn labels(&self, labels: Option<Labels<'_>>) -> Option<Labels<'static>> {
        let Labels(pairs) = labels?;
        let value = |value: &str| match value {
            "" => String::new(),
            value => self.word("label value", value, LONGEST_LABEL),
        };
        Some(Labels(self.pairs(pairs, value)))
    }

    fn annotations(&self, annotations: Option<Annotations<'_>>) -> Option<Annotations<'static>> {
        let Annotations(pairs) = annotations?;
        let value = |value: &str| {
            if labels::is_blank(value) {
                return value.to_owned();
            }
            self.word("annotation value", value, 5000)
        };
        Some(Annotations(self.pairs(pairs, value)))
    }

    fn pairs(
        &self,
        Metadata(pairs): Metadata<'_>,
        value_of: impl Fn(&str) -> String,
    ) -> Metadata<'static> {
        let pairs = pairs.into_iter().map(|(key, value)| {
            let key = match key.split_once('/') {
                Some((prefix, name)) => {
                    let prefix = self.word("label prefix", prefix, LONGEST_LABEL);
                    let name = self.word("label key", name, LONGEST_LABEL);
                    format!("{prefix}.example/{name}")
                }
                None => self.word("label key", &key, LONGEST_LABEL),
            };
            (key.into(), value_of(&value).into())
        });
        Metadata(pairs.collect())
    }

    /// Returns an image with the same parts: scheme, registry with its port, path, tag, digest. The tag `latest` stays.
    fn image(&self, image: &str) -> String {
        let (scheme, rest) = match image.split_once("://") {
            Some((scheme @ ("http" | "https"), rest)) => (format!("{scheme}://"), rest),
            _ => (String::new(), image),
        };
        let (rest, digest) = match rest.split_once('@') {
            Some((rest, digest)) => {
                let digest = self.hex("digest", digest, 64);
                (rest, format!("@sha256:{digest}"))
            }
            None => (rest, String::new()),
        };
        // A colon before a slash belongs to the port of the registry.
        let (path, tag) = match rest.rsplit_once(':') {
            Some((path, "latest")) => (path, ":latest".to_owned()),
            Some((path, tag))
                if !tag.contains('/') && (path.contains('/') || scheme.is_empty()) =>
            {
                (path, format!(":{}", self.word("tag", tag, SHORTEST)))
            }
            _ => (rest, String::new()),
        };
        let parts: Vec<&str> = path.split('/').collect();
        let parts = parts.iter().enumerate().map(|(n, part)| {
            let is_host = n == 0
                && (!scheme.is_empty() || parts.len() > 1)
                && (part.contains(['.', ':']) || *part == "localhost");
            match (part.is_empty(), is_host) {
                (true, _) => String::new(),
                (false, true) => self.host(part),
                (false, false) => self.word("image", part, LONGEST_NAME),
            }
        });
        let path: Vec<String> = parts.collect();
        format!("{scheme}{}{tag}{digest}", path.join("/"))
    }

    /// Returns a host with the same port, if it has one.
    fn host(&self, host: &str) -> String {
        let is_port = |port: &str| !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit());
        let (name, port) = match host.rsplit_once(':') {
            Some((name, port)) if is_port(port) => (name, format!(":{port}")),
            _ => (host, String::new()),
        };
        format!("{}.example{port}", self.word("host", name, SHORTEST))
    }

    /// Returns lower-case letters that can be spoken: as many as the text has characters, within [`SHORTEST`] and
    /// `longest`.
    fn word(&self, domain: &str, text: &str, longest: usize) -> String {
        const CONSONANTS: &[u8; 16] = b"bcdfghjklmnprstv";
        const VOWELS: &[u8; 4] = b"aeio";
        let length = text.chars().count().clamp(SHORTEST, longest.max(SHORTEST));
        let mut word = String::with_capacity(length);
        let mut number = 0;
        while word.len() < length {
            for byte in self.block(domain, text, number).as_ref() {
                word.push(char::from(CONSONANTS[usize::from(byte & 15)]));
                word.push(char::from(VOWELS[usize::from(byte >> 4 & 3)]));
            }
            number += 1;
        }
        word.truncate(length);
        word
    }

    /// Returns up to 64 hexadecimal digits.
    fn hex(&self, domain: &str, text: &str, digits: usize) -> String {
        let block = self.block(domain, text, 0);
        let mut hex: String = block
            .as_ref()
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        hex.truncate(digits);
        hex
    }

    /// Returns 32 bytes. Those of another domain, text or number are independent of them.
    fn block(&self, domain: &str, text: &str, number: u32) -> hmac::Tag {
        let mut context = hmac::Context::with_key(&self.key);
        context.update(domain.as_bytes());
        // A domain contains no NUL.
        context.update(&[0]);
        context.update(&number.to_be_bytes());
        context.update(text.as_bytes());
        context.sign()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn anonymizer() -> Anonymizer {
        Anonymizer::new(b"key")
    }

    #[test]
    fn image_keeps_its_parts() {
        let anonymizer = anonymizer();
        let digest = "0".repeat(64);
        for (image, pattern) in [
            ("shop", "W"),
            ("shop:1.2", "W:W"),
            ("shop:latest", "W:latest"),
            ("acme/shop", "W/W"),
            ("registry.acme.com/team/shop:1", "W.example/W/W:W"),
            ("registry.acme.com:5000/shop", "W.example:5000/W"),
            ("localhost:5000/shop:latest", "W.example:5000/W:latest"),
            ("http://location-of-image.com", "http://W.example"),
            ("http://registry:5000/shop", "http://W.example:5000/W"),
            (&format!("acme/shop@sha256:{digest}"), "W/W@sha256:H"),
            ("", ""),
        ] {
            let replaced = anonymizer.image(image);
            let mut words = replaced.as_str();
            for piece in pattern.split_inclusive(|letter| ['W', 'H'].contains(&letter)) {
                let fixed = piece.trim_end_matches(['W', 'H']);
                words = words
                    .strip_prefix(fixed)
                    .unwrap_or_else(|| panic!("{replaced} of {image}"));
                if piece.len() > fixed.len() {
                    let end = words
                        .find(|letter: char| !letter.is_ascii_alphanumeric())
                        .unwrap_or(words.len());
                    assert!(end >= SHORTEST, "{replaced} of {image}");
                    words = &words[end..];
                }
            }
            assert_eq!(words, "", "{replaced} of {image}");
            for part in ["acme", "shop", "team", "location", "1.2"] {
                assert!(!replaced.contains(part), "{replaced} of {image}");
            }
        }
    }

    #[test]
    fn same_text_has_the_same_replacement_under_one_key_only() {
        let (one, same, other) = (anonymizer(), anonymizer(), Anonymizer::new(b"other"));
        assert_eq!(one.uuid("a"), same.uuid("a"));
        assert_ne!(one.uuid("a"), other.uuid("a"));
        assert_ne!(one.uuid("a"), one.uuid("b"));
        assert_eq!(one.fingerprint(), same.fingerprint());
        assert_ne!(one.fingerprint(), other.fingerprint());
        let name = |text| one.name("app", &Name::trusted(text));
        assert_eq!(name("Shop"), name("shop"));
        assert_ne!(name("shop"), one.name("space", &Name::trusted("shop")));
    }

    #[test]
    fn replacements_of_labels_are_valid_labels() {
        let long = "x".repeat(63);
        let pairs = Metadata(vec![
            ("env".into(), "prod".into()),
            ("acme.com/team".into(), "".into()),
            (long.as_str().into(), long.as_str().into()),
        ]);
        let Some(Labels(Metadata(pairs))) = anonymizer().labels(Some(Labels(pairs))) else {
            panic!("labels stay labels");
        };
        let prefixes: Vec<_> = pairs.iter().map(|(key, _)| key.contains('/')).collect();
        assert_eq!(prefixes, [false, true, false]);
        for (key, value) in &pairs {
            assert_eq!(labels::key_fault(key), None);
            assert_eq!(labels::value_fault(value), None);
        }
        assert_eq!(pairs[1].1, "");
    }
}
