//! The kinds of entries.

use std::ops::{Index, IndexMut};

use super::super::messages;
use crate::records::{App, Organization, Package, Space, Table, User};

/// A kind of entry. Parents come before their children.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in crate::seed) enum EntryKind {
    Organization,
    Space,
    App,
    User,
    Package,
}

impl EntryKind {
    /// Every kind, in the order in which a JSON seed is applied and exported.
    pub(in crate::seed) const ALL: &'static [Self] = &[
        Self::Organization,
        Self::Space,
        Self::App,
        Self::User,
        Self::Package,
    ];

    /// Returns the key of an entry in JSON Lines.
    pub(in crate::seed) fn singular(self) -> &'static str {
        match self {
            Self::Organization => "organization",
            Self::Space => "space",
            Self::App => "app",
            Self::User => "user",
            Self::Package => "package",
        }
    }

    /// Returns the key of the array of entries in a JSON seed.
    pub(in crate::seed) fn plural(self) -> &'static str {
        match self {
            Self::Organization => "organizations",
            Self::Space => "spaces",
            Self::App => "apps",
            Self::User => "users",
            Self::Package => "packages",
        }
    }

    /// Returns the kind with that name. `name_of` is [`singular`](Self::singular) or [`plural`](Self::plural). The error
    /// is the text about a name that no kind has.
    pub(in crate::seed) fn named(
        name_of: fn(Self) -> &'static str,
        name: &str,
    ) -> Result<Self, String> {
        let mut kinds = Self::ALL.iter().copied();
        kinds.find(|kind| name_of(*kind) == name).ok_or_else(|| {
            let names = Self::ALL.iter().map(|kind| name_of(*kind));
            messages::unknown_kind(name, names)
        })
    }

    /// Returns the table that holds the records of this kind.
    pub(in crate::seed) fn table(self) -> &'static str {
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
pub(in crate::seed) struct ByKind<T>([T; EntryKind::ALL.len()]);

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
