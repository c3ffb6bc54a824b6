//! Entries as a seed writes them, and what makes an entry of one: what must be there, and what goes together.

use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};

use super::entry::{App, Content, Credentials, Entry, Organization, Package, Space, User};
use super::fault::Fault;
use super::field::{Checksum, Guid, Lifecycle, Name, Reference, Role, State, Text, Time, Type};
use super::metadata::{Annotation, Label, Pairs};

/// An entry as it stands in a seed. Null and left out are the same.
#[derive(Debug)]
pub(super) enum Written<'a> {
    Organization(WrittenOrganization<'a>),
    Space(WrittenSpace<'a>),
    App(WrittenApp<'a>),
    User(WrittenUser<'a>),
    Package(Box<WrittenPackage<'a>>),
}

#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WrittenOrganization<'a> {
    #[serde(borrow)]
    guid: Option<Guid<'a>>,
    #[serde(borrow)]
    name: Option<Name<'a>>,
    suspended: Option<bool>,
    created_at: Option<Time>,
}

#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WrittenSpace<'a> {
    #[serde(borrow)]
    guid: Option<Guid<'a>>,
    #[serde(borrow)]
    name: Option<Name<'a>>,
    #[serde(borrow)]
    organization: Option<Reference<'a>>,
    created_at: Option<Time>,
}

#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WrittenApp<'a> {
    #[serde(borrow)]
    guid: Option<Guid<'a>>,
    #[serde(borrow)]
    name: Option<Name<'a>>,
    #[serde(borrow)]
    space: Option<Reference<'a>>,
    lifecycle: Option<Lifecycle>,
    created_at: Option<Time>,
}

#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WrittenUser<'a> {
    #[serde(borrow)]
    guid: Option<Guid<'a>>,
    #[serde(borrow)]
    name: Option<Name<'a>>,
    #[serde(borrow)]
    roles: Option<Vec<Object<WrittenRole<'a>>>>,
}

#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WrittenRole<'a> {
    role: Option<Role>,
    #[serde(borrow)]
    space: Option<Reference<'a>>,
    #[serde(borrow)]
    organization: Option<Reference<'a>>,
}

#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WrittenPackage<'a> {
    #[serde(borrow)]
    guid: Option<Guid<'a>>,
    #[serde(borrow)]
    app: Option<Reference<'a>>,
    r#type: Option<Type>,
    #[serde(borrow)]
    image: Option<Text<'a>>,
    store_image: Option<bool>,
    #[serde(borrow)]
    credentials: Option<Object<Credentials<'a>>>,
    state: Option<State>,
    #[serde(borrow)]
    error: Option<Text<'a>>,
    #[serde(borrow)]
    sha1: Option<Checksum<'a, 40>>,
    #[serde(borrow)]
    sha256: Option<Checksum<'a, 64>>,
    created_at: Option<Time>,
    updated_at: Option<Time>,
    #[serde(borrow)]
    labels: Option<Pairs<'a, Label>>,
    #[serde(borrow)]
    annotations: Option<Pairs<'a, Annotation>>,
}

/// What serde would also take from an array of the fields' values, from an object only.
#[derive(Debug)]
pub(super) struct Object<T>(pub(super) T);

impl<'a> Written<'a> {
    /// The entry, if what it must have is there and what is there goes together.
    pub(super) fn complete(self) -> Result<Entry<'a>, Fault> {
        match self {
            Self::Organization(written) => Ok(Entry::Organization(Organization {
                guid: written.guid,
                name: required("name", written.name)?,
                suspended: written.suspended.unwrap_or(false),
                created_at: written.created_at,
            })),
            Self::Space(written) => Ok(Entry::Space(Space {
                guid: written.guid,
                name: required("name", written.name)?,
                organization: required("organization", written.organization)?,
                created_at: written.created_at,
            })),
            Self::App(written) => Ok(Entry::App(App {
                guid: written.guid,
                name: required("name", written.name)?,
                space: required("space", written.space)?,
                lifecycle: written.lifecycle.unwrap_or(Lifecycle::DEFAULT),
                created_at: written.created_at,
            })),
            Self::User(written) => Ok(Entry::User(User {
                guid: required("guid", written.guid)?,
                name: written.name,
                roles: written
                    .roles
                    .unwrap_or_default()
                    .into_iter()
                    .enumerate()
                    .map(|(n, Object(role))| {
                        role.complete()
                            .map_err(|fault| fault.within(&format!("roles[{n}]")))
                    })
                    .collect::<Result<_, _>>()?,
            })),
            Self::Package(written) => written
                .complete()
                .map(|package| Entry::Package(Box::new(package))),
        }
    }
}

impl<'a> WrittenRole<'a> {
    fn complete(self) -> Result<(Role, Reference<'a>), Fault> {
        let role = required("role", self.role)?;
        let misplaced = |field: &'static str| {
            Fault::new(
                field,
                format!("`{field}` does not go with the role `{}`", role.name()),
            )
        };
        match (role, self.space, self.organization) {
            (Role::Space(_), space, None) => Ok((role, required("space", space)?)),
            (Role::Organization(_), None, organization) => {
                Ok((role, required("organization", organization)?))
            }
            (Role::Space(_), _, Some(_)) => Err(misplaced("organization")),
            (Role::Organization(_), Some(_), _) => Err(misplaced("space")),
        }
    }
}

impl<'a> WrittenPackage<'a> {
    fn complete(self) -> Result<Package<'a>, Fault> {
        let app = required("app", self.app)?;
        let kind = required("type", self.r#type)?;
        let content = match kind {
            Type::Bits => {
                absent("image", kind, self.image)?;
                absent("store_image", kind, self.store_image)?;
                absent("credentials", kind, self.credentials)?;
                Content::Bits {
                    sha1: self.sha1,
                    sha256: self.sha256,
                }
            }
            Type::Docker => {
                absent("sha1", kind, self.sha1)?;
                absent("sha256", kind, self.sha256)?;
                Content::Docker {
                    image: required("image", self.image)?,
                    store_image: self.store_image.unwrap_or(false),
                    credentials: self.credentials.map(|object| object.0).unwrap_or_default(),
                }
            }
        };
        let default_state = match kind {
            Type::Bits => State("AWAITING_UPLOAD"),
            Type::Docker => State("READY"),
        };
        Ok(Package {
            guid: self.guid,
            app,
            content,
            state: self.state.unwrap_or(default_state),
            error: self.error,
            labels: self.labels.unwrap_or_default(),
            annotations: self.annotations.unwrap_or_default(),
            created_at: self.created_at,
            updated_at: self.updated_at,
        })
    }
}

fn required<T>(field: &'static str, value: Option<T>) -> Result<T, Fault> {
    value.ok_or_else(|| Fault::new("", format!("the field `{field}` is missing")))
}

fn absent<T>(field: &'static str, kind: Type, value: Option<T>) -> Result<(), Fault> {
    match value {
        None => Ok(()),
        Some(_) => Err(Fault::new(
            field,
            format!("`{field}` does not go with the type `{}`", kind.name()),
        )),
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reading<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for Reading<T> {
            type Value = T;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map))
            }
        }

        deserializer.deserialize_map(Reading(PhantomData)).map(Self)
    }
}
