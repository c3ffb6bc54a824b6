//! The users of a recording and their roles, which are written once all of them are known.

use std::collections::{HashMap, HashSet};

use crate::seed::entry::{Object, RoleEntry, UserEntry};
use crate::seed::field::{Guid, Name, Reference, Role};

/// The users and their roles.
#[derive(Debug, Default)]
pub(super) struct Members {
    users: Vec<Member>,
    /// Places in `users`, by guid.
    by_guid: HashMap<String, usize>,
    /// The places of the users of the list of users, in its order.
    listed: Vec<usize>,
    /// The guids of organizations and spaces in which roles are held, and their places.
    parents: Vec<String>,
    parent_places: HashMap<String, usize>,
    /// The hashes of the guids of roles.
    pub(super) roles: HashSet<u128>,
}

#[derive(Debug, Default)]
struct Member {
    guid: String,
    name: Option<String>,
    is_listed: bool,
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

    /// Adds a user to the end of the list of users. Returns whether the user was not in it.
    pub(super) fn list(&mut self, guid: &str) -> bool {
        let place = self.place_of(guid);
        if std::mem::replace(&mut self.users[place].is_listed, true) {
            return false;
        }
        self.listed.push(place);
        true
    }

    /// Returns the guids of the users who have roles.
    pub(super) fn role_holders(&self) -> impl Iterator<Item = &str> {
        let users = self.users.iter().filter(|user| !user.roles.is_empty());
        users.map(|user| user.guid.as_str())
    }

    /// Returns the users in the order of the list of users, then those that are not in it, in the order in which they were
    /// named. Users without a role are returned if they are in the list and `with_all` is set.
    pub(super) fn into_entries(self, with_all: bool) -> impl Iterator<Item = UserEntry<'static>> {
        let Self {
            mut users,
            listed,
            parents,
            ..
        } = self;
        let unlisted = (0..users.len()).filter(|place| !users[*place].is_listed);
        let order: Vec<usize> = listed.into_iter().chain(unlisted).collect();
        let users = order
            .into_iter()
            .map(move |place| std::mem::take(&mut users[place]));
        let users =
            users.filter(move |user| !user.roles.is_empty() || (with_all && user.is_listed));
        users.map(move |user| {
            let roles = user.roles.into_iter().map(|(name, parent)| {
                let (role, parent) = (Role::trusted(name), parents[parent].clone());
                let scope = role.scope();
                Object(RoleEntry::held_in(role, scope, Reference::trusted(parent)))
            });
            let roles: Vec<_> = roles.collect();
            UserEntry {
                guid: Some(Guid::trusted(user.guid)),
                name: user.name.map(Name::trusted),
                roles: (!roles.is_empty()).then_some(roles),
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
            is_listed: false,
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
