//! Entries: the objects of a seed, one struct per kind. A seed is read into these structs, and an export writes them.
//!
//! A field has three places here: the struct, `to_record` and `from_record`.
//!
//! `to_record` returns the columns that the entry itself determines. The guid, ids, times and the name in lower case
//! are added when the entry is applied. It fails if a required field is missing, or if two fields contradict each
//! other. `from_record` leaves out a field that has its default value.

use std::fmt;
use std::marker::PhantomData;
use std::ops::{Index, IndexMut};

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde::{Deserialize, Serialize};

use super::field::{
    Annotations, Guid, Labels, Lifecycle, Name, PackageType, Password, Reference, Role, Sha1,
    Sha256, State, Text, Time,
};
use super::messages::{self, EntryError};
use crate::records::user::{RoleRecord, RoleScope};
use crate::records::{
    App, AppRecord, DockerPassword, Organization, OrganizationRecord, Package, PackageRecord,
    Space, SpaceRecord, Table, User, UserRecord, app, package,
};
use crate::store::StoreError;

/// A kind of entry. Parents come before their children.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum EntryKind {
    Organization,
    Space,
    App,
    User,
    Package,
}

impl EntryKind {
    /// Every kind, in the order in which a JSON seed is applied and exported.
    pub(super) const ALL: &'static [Self] = &[
        Self::Organization,
        Self::Space,
        Self::App,
        Self::User,
        Self::Package,
    ];

    /// Returns the key of an entry in JSON Lines.
    pub(super) fn singular(self) -> &'static str {
        match self {
            Self::Organization => "organization",
            Self::Space => "space",
            Self::App => "app",
            Self::User => "user",
            Self::Package => "package",
        }
    }

    /// Returns the key of the array of entries in a JSON seed.
    pub(super) fn plural(self) -> &'static str {
        match self {
            Self::Organization => "organizations",
            Self::Space => "spaces",
            Self::App => "apps",
            Self::User => "users",
            Self::Package => "packages",
        }
    }

    /// Returns the singular with its article, for messages.
    pub(super) fn with_article(self) -> &'static str {
        match self {
            Self::Organization => "an organization",
            Self::Space => "a space",
            Self::App => "an app",
            Self::User => "a user",
            Self::Package => "a package",
        }
    }

    /// Returns the table that holds the records of this kind.
    pub(super) fn table(self) -> &'static str {
        match self {
            Self::Organization => Organization::TABLE,
            Self::Space => Space::TABLE,
            Self::App => App::TABLE,
            Self::User => User::TABLE,
            Self::Package => Package::TABLE,
        }
    }
}

/// One value for each kind of entry.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct ByKind<T>([T; EntryKind::ALL.len()]);

impl<T> Index<EntryKind> for ByKind<T> {
    type Output = T;

    fn index(&self, kind: EntryKind) -> &T {
        &self.0[kind as usize]
    }
}

impl<T> IndexMut<EntryKind> for ByKind<T> {
    fn index_mut(&mut self, kind: EntryKind) -> &mut T {
        &mut self.0[kind as usize]
    }
}

/// The two formats of a seed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SeedFormat {
    /// One JSON object with an array for each kind of entry.
    Json,
    /// One entry per line, under the singular of its kind.
    JsonLines,
}

/// Where an entry is in a seed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Position {
    pub(super) format: SeedFormat,
    pub(super) kind: EntryKind,
    /// JSON: the index in its array, from 0. JSON Lines: the line, from 1.
    pub(super) number: u64,
}

impl Position {
    /// Returns the path of a field of the entry, as `packages[3].state` or `package.state`. `field` may be empty.
    pub(super) fn path(&self, field: &str) -> String {
        let entry = match self.format {
            SeedFormat::Json => format!("{}[{}]", self.kind.plural(), self.number),
            SeedFormat::JsonLines => self.kind.singular().to_owned(),
        };
        if field.is_empty() {
            entry
        } else {
            format!("{entry}.{field}")
        }
    }

    /// Returns the line, if the seed is in JSON Lines.
    pub(super) fn line(&self) -> Option<u64> {
        (self.format == SeedFormat::JsonLines).then_some(self.number)
    }

    /// Returns the position for a sentence about another entry.
    pub(super) fn in_words(&self) -> String {
        match self.format {
            SeedFormat::Json => format!("`{}`", self.path("")),
            SeedFormat::JsonLines => {
                format!("the `{}` of line {}", self.kind.singular(), self.number)
            }
        }
    }
}

/// One entry, with valid fields. A field that is missing or null is `None`.
#[derive(Debug)]
pub(super) enum Entry<'a> {
    Organization(OrganizationEntry<'a>),
    Space(SpaceEntry<'a>),
    App(AppEntry<'a>),
    User(UserEntry<'a>),
    Package(Box<PackageEntry<'a>>),
}

impl Entry<'_> {
    pub(super) fn kind(&self) -> EntryKind {
        match self {
            Self::Organization(_) => EntryKind::Organization,
            Self::Space(_) => EntryKind::Space,
            Self::App(_) => EntryKind::App,
            Self::User(_) => EntryKind::User,
            Self::Package(_) => EntryKind::Package,
        }
    }
}

/// An organization.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OrganizationEntry<'a> {
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub(super) guid: Option<Guid<'a>>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub(super) name: Option<Name<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) suspended: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) created_at: Option<Time>,
}

/// A space.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SpaceEntry<'a> {
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub(super) guid: Option<Guid<'a>>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub(super) name: Option<Name<'a>>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub(super) organization: Option<Reference<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) created_at: Option<Time>,
}

/// An app.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AppEntry<'a> {
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub(super) guid: Option<Guid<'a>>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub(super) name: Option<Name<'a>>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub(super) space: Option<Reference<'a>>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub(super) lifecycle: Option<Lifecycle<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) created_at: Option<Time>,
}

/// A user with all of the user's roles.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct UserEntry<'a> {
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub(super) guid: Option<Guid<'a>>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub(super) name: Option<Name<'a>>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub(super) roles: Option<Vec<Object<RoleEntry<'a>>>>,
}

/// A role in a space or in an organization.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RoleEntry<'a> {
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub(super) role: Option<Role<'a>>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub(super) space: Option<Reference<'a>>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub(super) organization: Option<Reference<'a>>,
}

/// A package.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PackageEntry<'a> {
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub(super) guid: Option<Guid<'a>>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub(super) app: Option<Reference<'a>>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub(super) r#type: Option<PackageType<'a>>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub(super) image: Option<Text<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) store_image: Option<bool>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub(super) credentials: Option<Object<CredentialsEntry<'a>>>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub(super) state: Option<State<'a>>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub(super) error: Option<Text<'a>>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub(super) sha1: Option<Sha1<'a>>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub(super) sha256: Option<Sha256<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) created_at: Option<Time>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) updated_at: Option<Time>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub(super) labels: Option<Labels<'a>>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub(super) annotations: Option<Annotations<'a>>,
}

/// The credentials for the registry of a docker package.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CredentialsEntry<'a> {
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub(super) user: Option<Text<'a>>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub(super) password: Option<Password<'a>>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub(super) email: Option<Text<'a>>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub(super) login_server: Option<Text<'a>>,
}

impl<'a> OrganizationEntry<'a> {
    pub(super) fn to_record(&self) -> Result<OrganizationRecord<'_>, EntryError> {
        Ok(OrganizationRecord {
            name: required("name", self.name.as_ref())?.as_str(),
            suspended: self.suspended.unwrap_or(false),
            ..OrganizationRecord::default()
        })
    }

    pub(super) fn from_record(record: &OrganizationRecord<'a>) -> Self {
        Self {
            guid: Some(Guid::trusted(record.guid)),
            name: Some(Name::trusted(record.name)),
            suspended: record.suspended.then_some(true),
            created_at: Some(Time(record.created_at)),
        }
    }
}

impl<'a> SpaceEntry<'a> {
    pub(super) fn to_record(&self) -> Result<SpaceRecord<'_>, EntryError> {
        Ok(SpaceRecord {
            name: required("name", self.name.as_ref())?.as_str(),
            ..SpaceRecord::default()
        })
    }

    pub(super) fn from_record(record: &SpaceRecord<'a>) -> Self {
        Self {
            guid: Some(Guid::trusted(record.guid)),
            name: Some(Name::trusted(record.name)),
            organization: Some(Reference::trusted(record.organization_guid)),
            created_at: Some(Time(record.created_at)),
        }
    }
}

impl<'a> AppEntry<'a> {
    pub(super) fn to_record(&self) -> Result<AppRecord<'_>, EntryError> {
        let lifecycle = self.lifecycle.as_ref().map(Lifecycle::as_str);
        Ok(AppRecord {
            name: required("name", self.name.as_ref())?.as_str(),
            lifecycle: lifecycle.unwrap_or(app::DEFAULT_LIFECYCLE),
            ..AppRecord::default()
        })
    }

    pub(super) fn from_record(record: &AppRecord<'a>) -> Self {
        Self {
            guid: Some(Guid::trusted(record.guid)),
            name: Some(Name::trusted(record.name)),
            space: Some(Reference::trusted(record.space_guid)),
            lifecycle: Some(Lifecycle::trusted(record.lifecycle)),
            created_at: Some(Time(record.created_at)),
        }
    }
}

impl<'a> UserEntry<'a> {
    pub(super) fn to_record(&self) -> Result<UserRecord<'_>, EntryError> {
        Ok(UserRecord {
            guid: required("guid", self.guid.as_ref())?.as_str(),
            name: self.name.as_ref().map(Name::as_str),
            ..UserRecord::default()
        })
    }

    pub(super) fn from_record(record: &UserRecord<'a>, roles: Vec<RoleEntry<'a>>) -> Self {
        let roles: Vec<_> = roles.into_iter().map(Object).collect();
        Self {
            guid: Some(Guid::trusted(record.guid)),
            name: record.name.map(Name::trusted),
            roles: (!roles.is_empty()).then_some(roles),
        }
    }

    /// Returns each role with the field that names its parent.
    pub(super) fn checked_roles(&self) -> Result<Vec<CheckedRole<'_>>, EntryError> {
        let roles = self.roles.iter().flatten().enumerate();
        roles
            .map(|(n, Object(role))| {
                role.checked()
                    .map_err(|error| error.within(&format!("roles[{n}]")))
            })
            .collect()
    }
}

/// A role whose fields do not contradict each other.
#[derive(Clone, Copy)]
pub(super) struct CheckedRole<'a> {
    pub(super) role: &'a str,
    pub(super) scope: RoleScope,
    pub(super) parent: &'a Reference<'a>,
}

impl<'a> RoleEntry<'a> {
    fn checked(&self) -> Result<CheckedRole<'_>, EntryError> {
        let role = required("role", self.role.as_ref())?;
        let misplaced = |field: &'static str, value: Option<&Reference<'_>>| {
            not_with(field, "role", role.as_str(), value)
        };
        let (space, organization) = (self.space.as_ref(), self.organization.as_ref());
        let parent = match role.scope() {
            RoleScope::Space => {
                misplaced("organization", organization)?;
                required("space", space)?
            }
            RoleScope::Organization => {
                misplaced("space", space)?;
                required("organization", organization)?
            }
        };
        Ok(CheckedRole {
            role: role.as_str(),
            scope: role.scope(),
            parent,
        })
    }

    pub(super) fn from_record(record: &RoleRecord<'_>) -> Self {
        let parent = Some(Reference::trusted(record.parent_guid.to_owned()));
        let (space, organization) = match record.scope {
            RoleScope::Space => (parent, None),
            RoleScope::Organization => (None, parent),
        };
        Self {
            role: Some(Role::trusted(record.role.to_owned())),
            space,
            organization,
        }
    }
}

impl<'a> PackageEntry<'a> {
    /// Does not set the labels and annotations, whose JSON text is made when the entry is applied.
    pub(super) fn to_record(&self) -> Result<PackageRecord<'_>, EntryError> {
        let r#type = required("type", self.r#type.as_ref())?.as_str();
        let is_docker = r#type == package::DOCKER;
        if is_docker {
            not_with("sha1", "type", r#type, self.sha1.as_ref())?;
            not_with("sha256", "type", r#type, self.sha256.as_ref())?;
            required("image", self.image.as_ref())?;
        } else {
            not_with("image", "type", r#type, self.image.as_ref())?;
            not_with("store_image", "type", r#type, self.store_image.as_ref())?;
            not_with("credentials", "type", r#type, self.credentials.as_ref())?;
        }
        let credentials = self.credentials.as_ref().map(|Object(object)| object);
        let password = credentials.and_then(|fields| fields.password.as_ref());
        let default_state = if is_docker {
            package::READY
        } else {
            package::AWAITING_UPLOAD
        };
        Ok(PackageRecord {
            r#type,
            state: self.state.as_ref().map_or(default_state, State::as_str),
            error: text(self.error.as_ref()),
            sha1: self.sha1.as_ref().map(Sha1::as_str),
            sha256: self.sha256.as_ref().map(Sha256::as_str),
            image: text(self.image.as_ref()),
            store_image: is_docker.then_some(self.store_image.unwrap_or(false)),
            docker_user: text(credentials.and_then(|fields| fields.user.as_ref())),
            docker_password: password.map(|password| DockerPassword::new(password.reveal())),
            docker_email: text(credentials.and_then(|fields| fields.email.as_ref())),
            docker_login_server: text(credentials.and_then(|fields| fields.login_server.as_ref())),
            ..PackageRecord::default()
        })
    }

    pub(super) fn from_record(record: &PackageRecord<'a>) -> Result<Self, StoreError> {
        let credentials = CredentialsEntry {
            user: record.docker_user.map(Text::trusted),
            password: record
                .docker_password
                .map(|password| Password::new(password.reveal())),
            email: record.docker_email.map(Text::trusted),
            login_server: record.docker_login_server.map(Text::trusted),
        };
        let (labels, annotations) = (record.parsed_labels()?, record.parsed_annotations()?);
        Ok(Self {
            guid: Some(Guid::trusted(record.guid)),
            app: Some(Reference::trusted(record.app_guid)),
            r#type: Some(PackageType::trusted(record.r#type)),
            image: record.image.map(Text::trusted),
            store_image: record.store_image.filter(|store| *store),
            credentials: (!credentials.is_empty()).then_some(Object(credentials)),
            state: Some(State::trusted(record.state)),
            error: record.error.map(Text::trusted),
            sha1: record.sha1.map(Sha1::trusted),
            sha256: record.sha256.map(Sha256::trusted),
            created_at: Some(Time(record.created_at)),
            updated_at: record.updated_at.map(Time),
            labels: (!labels.0.is_empty()).then_some(Labels(labels)),
            annotations: (!annotations.0.is_empty()).then_some(Annotations(annotations)),
        })
    }
}

impl CredentialsEntry<'_> {
    fn is_empty(&self) -> bool {
        let Self {
            user,
            password,
            email,
            login_server,
        } = self;
        password.is_none()
            && [user, email, login_server]
                .iter()
                .all(|field| field.is_none())
    }
}

fn text<'e>(field: Option<&'e Text<'_>>) -> Option<&'e str> {
    field.map(Text::as_str)
}

/// Returns the value of a required field.
pub(super) fn required<'e, T>(
    field: &'static str,
    value: Option<&'e T>,
) -> Result<&'e T, EntryError> {
    value.ok_or_else(|| EntryError::new("", messages::missing_field(field)))
}

/// Fails if a field has a value although `word`, the entry's type or role, does not have that field.
fn not_with<T>(
    field: &'static str,
    what: &str,
    word: &str,
    value: Option<&T>,
) -> Result<(), EntryError> {
    match value {
        None => Ok(()),
        Some(_) => Err(EntryError::new(
            field,
            messages::does_not_go_with(field, what, word),
        )),
    }
}

/// Reads `T` from a JSON object only. serde's derived structs would also accept an array of the fields' values.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub(super) struct Object<T>(pub(super) T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ObjectVisitor<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for ObjectVisitor<T> {
            type Value = T;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map))
            }
        }

        deserializer
            .deserialize_map(ObjectVisitor(PhantomData))
            .map(Self)
    }
}
