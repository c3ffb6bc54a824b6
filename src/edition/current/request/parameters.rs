//! What each list accepts. A new filter is one line here and one in its resource.

use crate::listing::request::Include;

/// What every list accepts before its own parameters.
const FIRST: [&str; 6] = [
    "page",
    "per_page",
    "order_by",
    "created_ats",
    "updated_ats",
    "guids",
];
/// What every list accepts after its own parameters.
const LAST: [&str; 1] = ["label_selector"];

/// What a list accepts (reference: packages-api.md §1.1, neighbours.md §1.1).
#[derive(Debug)]
pub struct ListParameters {
    /// The list's own parameters, in the order in which the text on unknown parameters names them. FaultRules are
    /// told in this order too, those of comma lists after all others (neighbours.md §1.3).
    pub own: &'static [Parameter],
    /// What `order_by` may name, in the order of its refusal.
    pub orders: &'static [&'static str],
}

/// One parameter of a list.
#[derive(Debug)]
pub struct Parameter {
    /// Its name.
    pub name: &'static str,
    /// How it is read.
    pub kind: ParameterKind,
}

/// How a parameter is read.
#[derive(Debug)]
pub enum ParameterKind {
    /// A comma list: rows whose column is one of its elements. Without a value: no row.
    List,
    /// A comma list that has to have a value, where the controller would fail (neighbours.md §10).
    ListWithValue,
    /// One of these words, as a filter.
    Word(&'static [&'static str]),
    /// A comma list of these words, and what each of them shows.
    Include(&'static [(&'static str, Include)]),
    /// The app whose packages are meant, in place of the path (packages-api.md §1.8).
    App,
    /// The isolation segment whose organizations are meant; there is none (neighbours.md §1.6).
    IsolationSegment,
}

impl ListParameters {
    /// All names, in the order in which the text on unknown parameters has them.
    pub fn names(&self) -> Vec<&'static str> {
        let own = self.own.iter().map(|parameter| parameter.name);
        FIRST.into_iter().chain(own).chain(LAST).collect()
    }

    /// What `include` may name.
    pub fn include(&self) -> Option<&'static [(&'static str, Include)]> {
        self.own.iter().find_map(|parameter| match parameter.kind {
            ParameterKind::Include(words) => Some(words),
            _ => None,
        })
    }
}

const SPACES_SHOWN: Include = Include {
    spaces: true,
    organizations: false,
};
const ORGANIZATIONS_SHOWN: Include = Include {
    spaces: false,
    organizations: true,
};
const BOTH_SHOWN: Include = Include {
    spaces: true,
    organizations: true,
};

/// `GET /v3/packages`, and `GET /v3/apps/:guid/packages`, whose text on unknown parameters is the same.
pub const PACKAGES: ListParameters = ListParameters {
    own: &[
        own("states", ParameterKind::List),
        own("types", ParameterKind::List),
        own("app_guids", ParameterKind::List),
        own("app_guid", ParameterKind::App),
        own("space_guids", ParameterKind::List),
        own("organization_guids", ParameterKind::List),
    ],
    orders: &["created_at", "updated_at"],
};

/// What the packages of one app cannot be filtered by, in the order of the refusal (packages-api.md §1.8).
pub const NOT_WITHIN_AN_APP: [&str; 3] = ["app_guids", "organization_guids", "space_guids"];

/// `GET /v3/organizations`.
pub const ORGANIZATIONS: ListParameters = ListParameters {
    own: &[
        own("names", ParameterKind::List),
        own("isolation_segment_guid", ParameterKind::IsolationSegment),
    ],
    orders: &["created_at", "updated_at", "name"],
};

/// `GET /v3/spaces`, and the `include` of `GET /v3/spaces/:guid`.
pub const SPACES: ListParameters = ListParameters {
    own: &[
        own("names", ParameterKind::List),
        own("organization_guids", ParameterKind::List),
        own(
            "include",
            ParameterKind::Include(&[
                ("org", ORGANIZATIONS_SHOWN),
                ("organization", ORGANIZATIONS_SHOWN),
            ]),
        ),
    ],
    orders: &["created_at", "updated_at", "name"],
};

/// `GET /v3/apps`, and the `include` of `GET /v3/apps/:guid`.
pub const APPS: ListParameters = ListParameters {
    own: &[
        own("names", ParameterKind::List),
        own("organization_guids", ParameterKind::List),
        own("space_guids", ParameterKind::List),
        own("stacks", ParameterKind::ListWithValue),
        own(
            "include",
            ParameterKind::Include(&[
                ("space", SPACES_SHOWN),
                ("org", ORGANIZATIONS_SHOWN),
                ("space.organization", BOTH_SHOWN),
            ]),
        ),
        own(
            "lifecycle_type",
            ParameterKind::Word(&["buildpack", "docker", "cnb"]),
        ),
    ],
    orders: &["created_at", "updated_at", "name", "state"],
};

const fn own(name: &'static str, kind: ParameterKind) -> Parameter {
    Parameter { name, kind }
}
