//! The users of a recording and their roles, which are written once all roles are known.

use std::collections::{HashMap, HashSet};

use crate::seed::entry::{Object, RoleEntry, UserEntry};
use crate::seed::field::{Guid, Name, Reference, Role};

/// The users and their roles.
#[derive(Debug, Default)]
pub(super) struct Members {
    users: Vec<Member>,
    /// Places in `users`, by guid.
    by_guid: HashMap<String, usize>,
    /// The guids of organizations and spaces in which roles are held, and their places.
    parents: Vec<String>,
    parent_places: HashMap<String, usize>,
    /// The hashes of the guids of roles.
    pub(super) roles: HashSet<u128>,
}

#[derive(Debug)]
struct Member {
    guid: String,
    name: Option<String>,
    /// The names of roles, and the places of their parents.
    roles: Vec<(&'static str, usize)>,
}

impl Members {
    /// Keeps the name of a user.
    pub(super) fn set_name(&mut self, guid: &str, name: Option<String>) {
        let place = self.place_of(guid);
        self.users[place].name = name;
    }

    /// Keeps a role of a user. `parent` is the guid of the organization or space.
    pub(super) fn add_role(&mut self, user: &str, name: &'static str, parent: &str) {
        let place = self.place_of(user);
        let parent = self.parent_place_of(parent);
        self.users[place].roles.push((name, parent));
    }

    /// Returns the users who have roles, in the order in which they were named.
    pub(super) fn into_entries(self) -> impl Iterator<Item = UserEntry<'static>> {
        let Self { users, parents, .. } = self;
        let users = users.into_iter().filter(|user| !user.roles.is_empty());
        users.map(move |user| {
            let roles = user.roles.into_iter().map(|(name, parent)| {
                let (role, parent) = (Role::trusted(name), parents[parent].clone());
                let scope = role.scope();
                Object(RoleEntry::held_in(role, scope, Reference::trusted(parent)))
            });
            UserEntry {
                guid: Some(Guid::trusted(user.guid)),
                name: user.name.map(Name::trusted),
                roles: Some(roles.collect()),
            }
        })
    }

    fn place_of(&mut self, guid: &str) -> usize {
        if let Some(place) = self.by_guid.get(guid) {
            return *place;
        }
        self.users.push(Member {
            guid: guid.to_owned(),
            name: None,
            roles: Vec::new(),
        });
        let place = self.users.len() - 1;
        self.by_guid.insert(guid.to_owned(), place);
        place
    }

    fn parent_place_of(&mut self, guid: &str) -> usize {
        if let Some(place) = self.parent_places.get(guid) {
            return *place;
        }
        self.parents.push(guid.to_owned());
        let place = self.parents.len() - 1;
        self.parent_places.insert(guid.to_owned(), place);
        place
    }
}
