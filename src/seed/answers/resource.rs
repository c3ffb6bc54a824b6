//! The resources of answers, and the entries that they become. Fields that a seed does not have are not read.
//!
//! The form of a package says its edition: only packages of `2015` have `data.hash`.

use serde::Deserialize;
use serde::de::{Deserializer, Error};

use super::super::entry::{
    AppEntry, CredentialsEntry, Object, OrganizationEntry, PackageEntry, RoleEntry, SpaceEntry,
};
use super::super::fault::EntryError;
use super::super::field::{
    Annotations, Guid, Labels, Lifecycle, Name, PackageType, Password, Reference, Role, Sha1,
    Sha256, State, Text, Time,
};
use super::super::messages;
use super::document::Link;
use crate::clock;
use crate::records::package::DOCKER;
use crate::records::user::RoleScope;

/// An organization, in `current`.
#[derive(Deserialize)]
pub(in crate::seed) struct OrganizationAnswer<'a> {
    #[serde(borrow)]
    guid: Guid<'a>,
    #[serde(borrow)]
    name: Name<'a>,
    #[serde(default)]
    suspended: Option<bool>,
    #[serde(default)]
    created_at: Option<AnswerTime>,
    #[serde(default, borrow)]
    metadata: Option<MetadataAnswer<'a>>,
}

impl<'a> OrganizationAnswer<'a> {
    pub(in crate::seed) fn into_entry(self) -> OrganizationEntry<'a> {
        let (labels, annotations) = pairs(self.metadata);
        OrganizationEntry {
            guid: Some(self.guid),
            name: Some(self.name),
            suspended: self.suspended.filter(|suspended| *suspended),
            created_at: time(self.created_at),
            labels,
            annotations,
        }
    }
}

/// A space, in `current`.
#[derive(Deserialize)]
pub(in crate::seed) struct SpaceAnswer<'a> {
    #[serde(borrow)]
    guid: Guid<'a>,
    #[serde(borrow)]
    name: Name<'a>,
    #[serde(default)]
    created_at: Option<AnswerTime>,
    #[serde(default, borrow)]
    relationships: Option<Relationships<'a>>,
    #[serde(default, borrow)]
    metadata: Option<MetadataAnswer<'a>>,
    #[serde(default, borrow)]
    links: Option<Links<'a>>,
}

impl<'a> SpaceAnswer<'a> {
    /// The organization is `None` if the answer does not name it, as older documentation does.
    pub(in crate::seed) fn into_entry(self) -> SpaceEntry<'a> {
        let (related, links) = (
            self.relationships.unwrap_or_default(),
            self.links.unwrap_or_default(),
        );
        let (labels, annotations) = pairs(self.metadata);
        SpaceEntry {
            guid: Some(self.guid),
            name: Some(self.name),
            organization: parent(related.organization, links.organization),
            created_at: time(self.created_at),
            labels,
            annotations,
        }
    }
}

/// An app, in either edition.
#[derive(Deserialize)]
pub(in crate::seed) struct AppAnswer<'a> {
    #[serde(borrow)]
    guid: Guid<'a>,
    #[serde(borrow)]
    name: Name<'a>,
    #[serde(default)]
    created_at: Option<AnswerTime>,
    #[serde(default, borrow)]
    lifecycle: Option<LifecycleAnswer<'a>>,
    #[serde(default, borrow)]
    relationships: Option<Relationships<'a>>,
    #[serde(default, borrow)]
    metadata: Option<MetadataAnswer<'a>>,
    #[serde(default, borrow)]
    links: Option<Links<'a>>,
}

#[derive(Deserialize)]
struct LifecycleAnswer<'a> {
    #[serde(borrow)]
    r#type: Lifecycle<'a>,
}

impl<'a> AppAnswer<'a> {
    /// The space is `None` if the answer does not name it.
    pub(in crate::seed) fn into_entry(self) -> AppEntry<'a> {
        let (related, links) = (
            self.relationships.unwrap_or_default(),
            self.links.unwrap_or_default(),
        );
        let (labels, annotations) = pairs(self.metadata);
        AppEntry {
            guid: Some(self.guid),
            name: Some(self.name),
            space: parent(related.space, links.space),
            lifecycle: self.lifecycle.map(|lifecycle| lifecycle.r#type),
            created_at: time(self.created_at),
            labels,
            annotations,
        }
    }
}

/// A package, in either edition.
#[derive(Deserialize)]
pub(in crate::seed) struct PackageAnswer<'a> {
    #[serde(borrow)]
    guid: Guid<'a>,
    #[serde(borrow)]
    r#type: PackageType<'a>,
    #[serde(borrow)]
    state: State<'a>,
    #[serde(default, borrow)]
    data: Option<DataAnswer<'a>>,
    #[serde(default)]
    created_at: Option<AnswerTime>,
    #[serde(default)]
    updated_at: Option<AnswerTime>,
    #[serde(default, borrow)]
    relationships: Option<Relationships<'a>>,
    #[serde(default, borrow)]
    metadata: Option<MetadataAnswer<'a>>,
    #[serde(default, borrow)]
    links: Option<Links<'a>>,
}

/// The fields of `data`, of both types and both editions.
#[derive(Default, Deserialize)]
struct DataAnswer<'a> {
    #[serde(default, borrow)]
    error: Option<Text<'a>>,
    #[serde(default, borrow)]
    checksum: Option<ChecksumAnswer<'a>>,
    /// The checksum in `2015`.
    #[serde(default, borrow)]
    hash: Option<ChecksumAnswer<'a>>,
    #[serde(default, borrow)]
    image: Option<Text<'a>>,
    #[serde(default, borrow)]
    username: Option<Text<'a>>,
    #[serde(default, borrow)]
    credentials: Option<CredentialsAnswer<'a>>,
    #[serde(default)]
    store_image: Option<bool>,
}

#[derive(Deserialize)]
struct ChecksumAnswer<'a> {
    #[serde(default, borrow)]
    r#type: Option<Text<'a>>,
    #[serde(default, borrow)]
    value: Option<Text<'a>>,
}

/// The credentials in `2015`.
#[derive(Deserialize)]
struct CredentialsAnswer<'a> {
    #[serde(default, borrow)]
    user: Option<Text<'a>>,
    #[serde(default, borrow)]
    email: Option<Text<'a>>,
    #[serde(default, borrow)]
    password: Option<Password<'a>>,
    #[serde(default, borrow)]
    login_server: Option<Text<'a>>,
}

impl<'a> PackageAnswer<'a> {
    /// The app is `None` if the answer does not name it.
    ///
    /// A password that `2015` hides is stored as it is shown, `***`, so that answers look the same. `current` shows one for
    /// every user name.
    pub(in crate::seed) fn into_entry(self) -> Result<PackageEntry<'a>, EntryError> {
        let (related, links) = (
            self.relationships.unwrap_or_default(),
            self.links.unwrap_or_default(),
        );
        let (labels, annotations) = pairs(self.metadata);
        let DataAnswer {
            error,
            checksum,
            hash,
            image,
            username,
            credentials,
            store_image,
        } = self.data.unwrap_or_default();
        let is_of_2015 = hash.is_some();
        let created_at = time(self.created_at);
        let updated_at = time(self.updated_at);
        let mut entry = PackageEntry {
            guid: Some(self.guid),
            app: parent(related.app, links.app),
            state: Some(self.state),
            error,
            created_at,
            // `current` shows the time of creation for a package that was never changed.
            updated_at: updated_at.filter(|time| is_of_2015 || Some(*time) != created_at),
            labels,
            annotations,
            ..PackageEntry::default()
        };
        if self.r#type.as_str() == DOCKER {
            // A package that was created without an image.
            entry.image = Some(image.unwrap_or_else(|| Text::trusted("")));
            entry.store_image = store_image.filter(|store| *store);
            let credentials = match credentials {
                Some(shown) => CredentialsEntry {
                    user: shown.user,
                    password: shown.password,
                    email: shown.email,
                    login_server: shown.login_server,
                },
                None => CredentialsEntry {
                    user: username,
                    ..CredentialsEntry::default()
                },
            };
            entry.credentials = (!credentials.is_empty()).then_some(Object(credentials));
        } else if let Some(ChecksumAnswer { r#type, value }) = checksum.or(hash)
            && let Some(value) = value
        {
            let wrong = |text| EntryError::new("checksum", text);
            match r#type.as_ref().map(Text::as_str) {
                Some("sha1") => entry.sha1 = Some(Sha1::checked(value).map_err(wrong)?),
                Some("sha256") => entry.sha256 = Some(Sha256::checked(value).map_err(wrong)?),
                other => {
                    let text = messages::not_one_of(
                        "type of checksum",
                        other.unwrap_or_default(),
                        &["sha1", "sha256"],
                    );
                    return Err(wrong(text));
                }
            }
        }
        entry.r#type = Some(self.r#type);
        Ok(entry)
    }
}

/// A user, in `current`.
#[derive(Deserialize)]
pub(in crate::seed) struct UserAnswer<'a> {
    #[serde(default, borrow)]
    pub(in crate::seed) username: Option<Text<'a>>,
}

/// A role, in `current`.
#[derive(Deserialize)]
pub(in crate::seed) struct RoleAnswer<'a> {
    #[serde(borrow)]
    r#type: Role<'a>,
    #[serde(default, borrow)]
    relationships: Option<Relationships<'a>>,
}

impl<'a> RoleAnswer<'a> {
    /// Returns the guid of the user, and the role with the organization or space in which it is held.
    pub(in crate::seed) fn into_role(self) -> Result<(Text<'a>, HeldRole<'a>), EntryError> {
        let missing = |name: &str| {
            EntryError::new(
                format!("relationships.{name}"),
                messages::NO_RELATED_RESOURCE,
            )
        };
        let related = self.relationships.unwrap_or_default();
        let user = related.user.and_then(|to_one| to_one.guid());
        let user = user.ok_or_else(|| missing("user"))?;
        let scope = self.r#type.scope();
        let (field, parent) = match scope {
            RoleScope::Organization => ("organization", related.organization),
            RoleScope::Space => ("space", related.space),
        };
        let parent = parent.and_then(|to_one| to_one.guid());
        let parent = parent.ok_or_else(|| missing(field))?;
        Ok((
            user,
            HeldRole {
                role: self.r#type,
                scope,
                parent,
            },
        ))
    }
}

/// A role of a user.
#[derive(Debug)]
pub(in crate::seed) struct HeldRole<'a> {
    pub(in crate::seed) role: Role<'a>,
    pub(in crate::seed) scope: RoleScope,
    /// The guid of the organization or space.
    pub(in crate::seed) parent: Text<'a>,
}

impl<'a> HeldRole<'a> {
    pub(in crate::seed) fn into_entry(self) -> RoleEntry<'a> {
        RoleEntry::held_in(self.role, self.scope, Reference::trusted(self.parent.0))
    }
}

/// The relationships to one resource that a seed has.
#[derive(Default, Deserialize)]
struct Relationships<'a> {
    #[serde(default, borrow)]
    app: Option<ToOne<'a>>,
    #[serde(default, borrow)]
    space: Option<ToOne<'a>>,
    #[serde(default, borrow)]
    organization: Option<ToOne<'a>>,
    #[serde(default, borrow)]
    user: Option<ToOne<'a>>,
}

#[derive(Deserialize)]
struct ToOne<'a> {
    #[serde(default, borrow)]
    data: Option<Related<'a>>,
}

#[derive(Deserialize)]
struct Related<'a> {
    #[serde(default, borrow)]
    guid: Option<Text<'a>>,
}

impl<'a> ToOne<'a> {
    fn guid(self) -> Option<Text<'a>> {
        self.data?.guid
    }
}

/// The links to parents. Answers without relationships have them: those of `2015`, and older documentation.
#[derive(Default, Deserialize)]
struct Links<'a> {
    #[serde(default, borrow)]
    app: Option<Link<'a>>,
    #[serde(default, borrow)]
    space: Option<Link<'a>>,
    #[serde(default, borrow)]
    organization: Option<Link<'a>>,
}

/// Returns the guid of a parent: that of the relationship, or else the last part of the link.
fn parent<'a>(relationship: Option<ToOne<'a>>, link: Option<Link<'a>>) -> Option<Reference<'a>> {
    if let Some(guid) = relationship.and_then(ToOne::guid) {
        return Some(Reference::trusted(guid.0));
    }
    let href = link?.href?;
    let path = href.as_str().split(['?', '#']).next()?;
    let guid = path.rsplit('/').next().filter(|guid| !guid.is_empty())?;
    Some(Reference::trusted(guid.to_owned()))
}

#[derive(Default, Deserialize)]
struct MetadataAnswer<'a> {
    #[serde(default, borrow)]
    labels: Option<Labels<'a>>,
    #[serde(default, borrow)]
    annotations: Option<Annotations<'a>>,
}

/// Returns labels and annotations, if there are any.
fn pairs(metadata: Option<MetadataAnswer<'_>>) -> (Option<Labels<'_>>, Option<Annotations<'_>>) {
    let metadata = metadata.unwrap_or_default();
    (
        metadata.labels.filter(|pairs| !pairs.0.0.is_empty()),
        metadata.annotations.filter(|pairs| !pairs.0.0.is_empty()),
    )
}

/// A time of an answer. Other servers than a Cloud Controller may show fractions of seconds, which are cut off, and offsets.
#[derive(Clone, Copy)]
struct AnswerTime(i64);

impl<'de> Deserialize<'de> for AnswerTime {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Text::deserialize(deserializer)?;
        let text = text.as_str();
        clock::parse(text)
            .or_else(|| clock::parse_rfc3339(text).ok())
            .map(Self)
            .ok_or_else(|| D::Error::custom(messages::not_a_time(text)))
    }
}

fn time(time: Option<AnswerTime>) -> Option<Time> {
    time.map(|AnswerTime(seconds)| Time(seconds))
}
