//! Entries as they are applied: complete, every field going with the others.

use serde::Deserialize;

use super::field::{Checksum, Guid, Lifecycle, Name, Reference, Role, State, Text, Time};
use super::kind::Kind;
use super::metadata::{Annotation, Label, Pairs};

/// An entry that can be applied once its references are found.
#[derive(Debug)]
pub(super) enum Entry<'a> {
    Organization(Organization<'a>),
    Space(Space<'a>),
    App(App<'a>),
    User(User<'a>),
    Package(Box<Package<'a>>),
}

#[derive(Debug)]
pub(super) struct Organization<'a> {
    pub(super) guid: Option<Guid<'a>>,
    pub(super) name: Name<'a>,
    pub(super) suspended: bool,
    pub(super) created_at: Option<Time>,
}

#[derive(Debug)]
pub(super) struct Space<'a> {
    pub(super) guid: Option<Guid<'a>>,
    pub(super) name: Name<'a>,
    pub(super) organization: Reference<'a>,
    pub(super) created_at: Option<Time>,
}

#[derive(Debug)]
pub(super) struct App<'a> {
    pub(super) guid: Option<Guid<'a>>,
    pub(super) name: Name<'a>,
    pub(super) space: Reference<'a>,
    pub(super) lifecycle: Lifecycle,
    pub(super) created_at: Option<Time>,
}

#[derive(Debug)]
pub(super) struct User<'a> {
    pub(super) guid: Guid<'a>,
    pub(super) name: Option<Name<'a>>,
    /// Each with the space or the organization it is held in.
    pub(super) roles: Vec<(Role, Reference<'a>)>,
}

#[derive(Debug)]
pub(super) struct Package<'a> {
    pub(super) guid: Option<Guid<'a>>,
    pub(super) app: Reference<'a>,
    pub(super) content: Content<'a>,
    pub(super) state: State,
    pub(super) error: Option<Text<'a>>,
    pub(super) labels: Pairs<'a, Label>,
    pub(super) annotations: Pairs<'a, Annotation>,
    pub(super) created_at: Option<Time>,
    pub(super) updated_at: Option<Time>,
}

/// What a package holds, by its type.
#[derive(Debug)]
pub(super) enum Content<'a> {
    Bits {
        sha1: Option<Checksum<'a, 40>>,
        sha256: Option<Checksum<'a, 64>>,
    },
    Docker {
        image: Text<'a>,
        store_image: bool,
        credentials: Credentials<'a>,
    },
}

/// What a docker image's registry asks for.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Credentials<'a> {
    #[serde(borrow)]
    pub(super) user: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) password: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) email: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) login_server: Option<Text<'a>>,
}

impl Entry<'_> {
    pub(super) fn kind(&self) -> Kind {
        match self {
            Self::Organization(_) => Kind::Organization,
            Self::Space(_) => Kind::Space,
            Self::App(_) => Kind::App,
            Self::User(_) => Kind::User,
            Self::Package(_) => Kind::Package,
        }
    }
}
