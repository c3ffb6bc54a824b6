//! Which organizations, spaces and apps are recorded.

use std::collections::{BTreeSet, HashSet};

use form_urlencoded::byte_serialize;

use super::RecordError;
use super::client::Client;
use crate::seed::{NamedResource, RecordedList, Recorder, named_resources};

/// How many guids a request names at most, so that its URL stays short.
const MOST_GUIDS: usize = 100;

/// The organizations, spaces and apps that were named. Each list is empty if it was not given.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// Names or guids.
    pub organizations: Vec<String>,
    /// Names or guids.
    pub spaces: Vec<String>,
    /// Names or guids.
    pub apps: Vec<String>,
}

/// What is recorded, by guid.
#[derive(Debug)]
pub(super) enum Scope {
    All,
    Organizations {
        organizations: Vec<String>,
        /// All spaces in them.
        spaces: Vec<String>,
    },
    Spaces {
        organizations: Vec<String>,
        spaces: Vec<String>,
    },
    Apps {
        organizations: Vec<String>,
        spaces: Vec<String>,
        apps: Vec<String>,
    },
}

impl Scope {
    /// Looks the guids of the selection up.
    ///
    /// # Errors
    ///
    /// Fails if nothing has one of the names, or if too much has them.
    pub(super) fn resolve(
        client: &Client,
        selection: &Selection,
        per_page: u64,
    ) -> Result<Self, RecordError> {
        let finder = Finder { client, per_page };
        let mut within = Vec::new();
        let mut organizations = Vec::new();
        if !selection.organizations.is_empty() {
            let list = RecordedList::Organizations;
            let found = finder.named(list, "organization", &selection.organizations, &within)?;
            organizations = guids(&found);
            within = vec![("organization_guids", organizations.clone())];
        }
        let mut spaces = Vec::new();
        if !selection.spaces.is_empty() {
            let list = RecordedList::Spaces;
            let found = finder.named(list, "space", &selection.spaces, &within)?;
            spaces = guids(&found);
            organizations = parents(&found);
            within = vec![("space_guids", spaces.clone())];
        }
        if !selection.apps.is_empty() {
            let list = RecordedList::Apps;
            let found = finder.named(list, "app", &selection.apps, &within)?;
            let apps = guids(&found);
            let list = RecordedList::Spaces;
            let found = finder.all(list, &[("guids", parents(&found))])?;
            return Ok(Self::Apps {
                organizations: parents(&found),
                spaces: guids(&found),
                apps,
            });
        }
        if !spaces.is_empty() {
            return Ok(Self::Spaces {
                organizations,
                spaces,
            });
        }
        if !organizations.is_empty() {
            let spaces = finder.all(RecordedList::Spaces, &within)?;
            return Ok(Self::Organizations {
                organizations,
                spaces: guids(&spaces),
            });
        }
        Ok(Self::All)
    }

    /// Whether users without a role are recorded.
    pub(super) fn has_all_users(&self) -> bool {
        matches!(self, Self::All)
    }

    /// Returns the queries that select a list, each empty or with `&` at its end. Only roles may have several: in
    /// organizations and in spaces. Users may have none.
    pub(super) fn queries(&self, list: RecordedList, recorder: &Recorder) -> Vec<String> {
        let of = |parameter: &str, guids: &[String]| query(&[(parameter, guids.to_vec())]);
        match list {
            RecordedList::Roles => return self.role_queries(),
            RecordedList::Users => return self.user_queries(recorder.role_holders()),
            _ => {}
        }
        let query = match self {
            Self::All => String::new(),
            Self::Organizations { organizations, .. } => match list {
                RecordedList::Organizations => of("guids", organizations),
                _ => of("organization_guids", organizations),
            },
            Self::Spaces {
                organizations,
                spaces,
            } => match list {
                RecordedList::Organizations => of("guids", organizations),
                RecordedList::Spaces => of("guids", spaces),
                _ => of("space_guids", spaces),
            },
            Self::Apps {
                organizations,
                spaces,
                apps,
            } => match list {
                RecordedList::Organizations => of("guids", organizations),
                RecordedList::Spaces => of("guids", spaces),
                RecordedList::Apps => of("guids", apps),
                _ => of("app_guids", apps),
            },
        };
        vec![query]
    }

    /// Returns the query of the users who hold the roles that are recorded. Several queries would not tell the order of all
    /// users, so that many users are looked for in the whole list.
    fn user_queries<'r>(&self, role_holders: impl Iterator<Item = &'r str>) -> Vec<String> {
        let guids = role_holders.take(MOST_GUIDS + 1).map(str::to_owned);
        let guids: Vec<_> = guids.collect();
        match (self, guids.len()) {
            (Self::All, _) => vec![String::new()],
            (_, 0) => Vec::new(),
            (_, 1..=MOST_GUIDS) => vec![query(&[("guids", guids)])],
            _ => vec![String::new()],
        }
    }

    fn role_queries(&self) -> Vec<String> {
        const INCLUDE: &str = "include=user&";
        let (organizations, spaces) = match self {
            Self::All => return vec![INCLUDE.to_owned()],
            Self::Organizations {
                organizations,
                spaces,
            }
            | Self::Spaces {
                organizations,
                spaces,
            }
            | Self::Apps {
                organizations,
                spaces,
                ..
            } => (organizations, spaces),
        };
        let of = |parameter: &str, guids: &[String]| {
            let chunks = guids.chunks(MOST_GUIDS);
            let queries = chunks.map(|guids| query(&[(parameter, guids.to_vec())]));
            queries
                .map(|query| format!("{query}{INCLUDE}"))
                .collect::<Vec<_>>()
        };
        let mut queries = of("organization_guids", organizations);
        queries.extend(of("space_guids", spaces));
        queries
    }
}

/// Looks resources up.
struct Finder<'c> {
    client: &'c Client,
    per_page: u64,
}

impl Finder<'_> {
    /// Returns the resources with these names or guids.
    fn named(
        &self,
        list: RecordedList,
        kind: &str,
        wanted: &[String],
        within: &[(&str, Vec<String>)],
    ) -> Result<Vec<NamedResource>, RecordError> {
        if wanted.iter().any(String::is_empty) {
            return Err(RecordError::Usage(format!(
                "the `--{kind}` is empty; give a name or a guid"
            )));
        }
        let select = |parameter, values: Vec<String>| {
            let mut query = vec![(parameter, values)];
            query.extend(within.iter().cloned());
            query
        };
        let has_name = |resource: &NamedResource, name: &str| {
            resource.name.to_lowercase() == name.to_lowercase()
        };
        let mut found = self.all(list, &select("names", wanted.to_vec()))?;
        found.retain(|resource| wanted.iter().any(|name| has_name(resource, name)));
        let is_found = |found: &[NamedResource], text: &str| {
            found
                .iter()
                .any(|each| has_name(each, text) || each.guid == text)
        };
        let rest = wanted.iter().filter(|text| !is_found(&found, text));
        let rest: Vec<String> = rest.cloned().collect();
        if !rest.is_empty() {
            let by_guid = self.all(list, &select("guids", rest))?;
            found.extend(
                by_guid
                    .into_iter()
                    .filter(|each| wanted.contains(&each.guid)),
            );
        }
        if let Some(missing) = wanted.iter().find(|text| !is_found(&found, text)) {
            return Err(RecordError::Failed(format!(
                "no {kind} has the name or the guid `{}`, or the token does not show it; `cf {kind}s` lists them",
                crate::log::printable(missing)
            )));
        }
        if found.len() > MOST_GUIDS {
            return Err(RecordError::Failed(format!(
                "{} {} have the names that `--{kind}` gives, more than {MOST_GUIDS}; name what they belong to as well, or give guids",
                found.len(),
                list.name()
            )));
        }
        Ok(found)
    }

    /// Returns all resources of a list.
    fn all(
        &self,
        list: RecordedList,
        parameters: &[(&str, Vec<String>)],
    ) -> Result<Vec<NamedResource>, RecordError> {
        let mut found: Vec<NamedResource> = Vec::new();
        let first = self
            .client
            .list_url(list, &query(parameters), self.per_page);
        let mut next = Some(first);
        let mut known = HashSet::new();
        while let Some(url) = next {
            let body = self.client.get(&url)?;
            let (href, page) = named_resources(list, &body)
                .map_err(|text| self.client.answer_error(&url, &text))?;
            let before = found.len();
            found.extend(
                page.into_iter()
                    .filter(|each| known.insert(each.guid.clone())),
            );
            if found.len() == before && href.is_some() {
                return Err(self.client.loop_error(&url));
            }
            next = match href {
                Some(href) => Some(self.client.next_url(&url, &href)?),
                None => None,
            };
        }
        Ok(found)
    }
}

fn guids(found: &[NamedResource]) -> Vec<String> {
    found.iter().map(|each| each.guid.clone()).collect()
}

fn parents(found: &[NamedResource]) -> Vec<String> {
    let parents = found.iter().filter_map(|each| each.parent.clone());
    parents.collect::<BTreeSet<_>>().into_iter().collect()
}

/// Returns a query that ends in `&`.
fn query(parameters: &[(&str, Vec<String>)]) -> String {
    let mut query = String::new();
    for (parameter, values) in parameters {
        // A controller decodes each element a second time (`docs/reference/query-parameters.md`).
        let values = values
            .iter()
            .map(|value| value.replace('%', "%25").replace(',', "%2C"));
        let list = values.collect::<Vec<_>>().join(",");
        query.push_str(parameter);
        query.push('=');
        query.extend(byte_serialize(list.as_bytes()));
        query.push('&');
    }
    query
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comma_in_a_name_is_encoded_twice() {
        let names = vec!["a,b".to_owned(), "50% c".to_owned()];
        assert_eq!(query(&[("names", names)]), "names=a%252Cb%2C50%2525+c&");
    }

    #[test]
    fn roles_are_requested_by_a_hundred_parents_at_once() {
        let scope = Scope::Spaces {
            organizations: vec!["o".to_owned()],
            spaces: (0..250).map(|n| format!("s{n}")).collect(),
        };
        let queries = scope.role_queries();
        assert_eq!(queries.len(), 4);
        assert_eq!(queries[0], "organization_guids=o&include=user&");
        assert!(queries[3].starts_with("space_guids=s200%2C"));
        assert_eq!(Scope::All.role_queries(), ["include=user&"]);
        let recorder = Recorder::new(None);
        assert_eq!(Scope::All.queries(RecordedList::Apps, &recorder), [""]);
    }

    #[test]
    fn few_users_are_requested_by_guid_and_many_with_the_whole_list() {
        let scope = Scope::Apps {
            organizations: Vec::new(),
            spaces: Vec::new(),
            apps: Vec::new(),
        };
        let none: [&str; 0] = [];
        assert_eq!(scope.user_queries(none.into_iter()), none);
        assert_eq!(Scope::All.user_queries(none.into_iter()), [""]);
        let few = scope.user_queries(["u1", "u2"].into_iter());
        assert_eq!(few, ["guids=u1%2Cu2&"]);
        let many = ["u"; MOST_GUIDS + 1];
        assert_eq!(scope.user_queries(many.into_iter()), [""]);
    }
}
