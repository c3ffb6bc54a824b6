//! The parameters of each list. A filter is one line here and one line in its record (`src/records/`), under the same
//! name.

use crate::error::ApiError;
use crate::listing::request::Include;

/// What every list accepts before its own parameters.
const COMMON_FIRST: &[&str] = &[
    "page",
    "per_page",
    "order_by",
    "created_ats",
    "updated_ats",
    "guids",
];

/// The parameters of one list. See `docs/reference/query-parameters.md#parameters-of-packages` and
/// `docs/reference/query-parameters.md#parameters-of-organizations-spaces-and-apps`.
#[derive(Debug)]
pub struct ListParameters {
    /// The parameters beside the common ones, in the order in which the message about an unknown parameter names them.
    /// Messages about wrong values come in this order too, those about comma lists after all others.
    pub own: &'static [Parameter],
    /// The values of `order_by`, without a sign, in the order in which the message about a wrong value names them.
    pub order_by: &'static [&'static str],
    /// The value of `order_by` if it is absent; hrefs then name it. `None` means stored order.
    pub default_order: Option<&'static str>,
    /// Whether `label_selector` is accepted after the own parameters.
    pub label_selector: bool,
    /// The common parameters that are accepted by name and then refused.
    pub disallowed: &'static [&'static str],
    /// The parameters that the list of one app refuses, in the order in which the message names them.
    pub refused_within_app: &'static [&'static str],
    /// How wrong parameters are answered.
    pub refusal: Refusal,
}

/// How wrong parameters of a list are answered. A controller does not use the same error for all lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// With [`ApiError::BadQuery`].
    BadQuery,
    /// With [`ApiError::Unprocessable`].
    Unprocessable,
}

impl Refusal {
    /// Returns the error with these messages.
    pub fn error(self, messages: &[String]) -> ApiError {
        let text = messages.join(", ");
        match self {
            Self::BadQuery => ApiError::BadQuery(text),
            Self::Unprocessable => ApiError::Unprocessable(text),
        }
    }
}

/// A resource that the parameter `fields` names, with the keys that it may name of it.
pub type FieldResource = (&'static str, &'static [&'static str]);

/// One parameter of a list.
#[derive(Debug)]
pub struct Parameter {
    /// The name, which is also the name of the record's filter.
    pub name: &'static str,
    /// How its value is parsed.
    pub kind: ParameterKind,
}

/// How the value of a parameter is parsed.
#[derive(Debug)]
pub enum ParameterKind {
    /// A comma list that filters by equality. Without a value, the list is empty.
    CommaList,
    /// A comma list that must have a value. A real controller fails without one, see
    /// `docs/reference/query-parameters.md#requests-that-make-a-controller-fail`.
    CommaListWithValue,
    /// Exactly one of these words, as a filter.
    OneWord(&'static [&'static str]),
    /// A comma list of these words, each with the parents that it includes.
    Include(&'static [(&'static str, Include)]),
    /// The app whose packages are listed. See `docs/reference/query-parameters.md#app_guid`.
    AppGuid,
    /// The package whose droplets are listed.
    PackageGuid,
    /// Only the word `true`, and only in the list of one app. No app has a current droplet.
    Current,
    /// The isolation segment whose organizations are listed. None exists, see
    /// `docs/reference/query-parameters.md#isolation_segment_guid`.
    IsolationSegmentGuid,
    /// `label_selector`, where it does not come last.
    LabelSelector,
    /// A name that the message about unknown parameters repeats. It is a common parameter.
    Repeated,
    /// A comma list that only the list of one app accepts.
    CommaListWithinApp,
    /// A comma list, or a map that holds one under `not`.
    CommaListOrNot,
    /// One of these words, and the message about any other value.
    OneOf(&'static [&'static str], &'static str),
    /// A map from these resources to comma lists of their keys.
    Fields(&'static [FieldResource]),
    /// `include` of a list that is always empty: each word with the arrays that it adds to `included`.
    IncludeOfNone(&'static [(&'static str, &'static [&'static str])]),
    /// A comma list that needs one of `usernames` and `partial_usernames`, which exclude each other.
    Origins,
    /// `embed`: a comma list of these words, which name what is added to each resource.
    Embed(&'static [&'static str]),
}

impl ListParameters {
    /// A list with the common parameters and `label_selector`.
    pub const LABELLED: Self = Self {
        own: &[],
        order_by: &["created_at", "updated_at"],
        default_order: None,
        label_selector: true,
        disallowed: &[],
        refused_within_app: &[],
        refusal: Refusal::BadQuery,
    };
    /// A list with the common parameters.
    pub const UNLABELLED: Self = Self {
        label_selector: false,
        ..Self::LABELLED
    };

    /// Returns all names, in the order in which the message about an unknown parameter names them.
    pub fn names(&self) -> Vec<&'static str> {
        let own = self.own.iter().map(|parameter| parameter.name);
        COMMON_FIRST
            .iter()
            .copied()
            .chain(own)
            .chain(self.label_selector.then_some("label_selector"))
            .collect()
    }

    /// Returns whether it has a parameter of such a kind.
    pub fn has(&self, is_kind: impl Fn(&ParameterKind) -> bool) -> bool {
        self.own.iter().any(|own| is_kind(&own.kind))
    }

    /// Returns the words of `include` and the arrays that each of them adds to `included`, in a list that is always empty.
    pub fn arrays_of_include(&self) -> &'static [(&'static str, &'static [&'static str])] {
        self.own
            .iter()
            .find_map(|parameter| match parameter.kind {
                ParameterKind::IncludeOfNone(words) => Some(words),
                _ => None,
            })
            .unwrap_or_default()
    }

    /// Returns the words of `include` and the parents that each of them includes. Empty if the list has no `include`.
    pub fn include_words(&self) -> &'static [(&'static str, Include)] {
        self.own
            .iter()
            .find_map(|parameter| match parameter.kind {
                ParameterKind::Include(words) => Some(words),
                _ => None,
            })
            .unwrap_or_default()
    }
}

const SPACES_INCLUDED: Include = Include {
    spaces: true,
    organizations: false,
    users: false,
};
const ORGANIZATIONS_INCLUDED: Include = Include {
    spaces: false,
    organizations: true,
    users: false,
};
const BOTH_INCLUDED: Include = Include {
    spaces: true,
    organizations: true,
    users: false,
};

/// `GET /v3/packages` and `GET /v3/apps/:guid/packages`, which have the same message about unknown parameters.
pub const PACKAGES: ListParameters = ListParameters {
    own: &[
        parameter("states", ParameterKind::CommaList),
        parameter("types", ParameterKind::CommaList),
        parameter("app_guids", ParameterKind::CommaList),
        parameter("app_guid", ParameterKind::AppGuid),
        parameter("space_guids", ParameterKind::CommaList),
        parameter("organization_guids", ParameterKind::CommaList),
    ],
    refused_within_app: REFUSED_WITHIN_APP,
    ..ListParameters::LABELLED
};

/// The parameters that the packages, the droplets and the processes of one app refuse, in the order in which the message
/// names them. See `docs/reference/query-parameters.md#app_guid`.
pub const REFUSED_WITHIN_APP: &[&str] = &["app_guids", "organization_guids", "space_guids"];

/// `GET /v3/organizations`.
pub const ORGANIZATIONS: ListParameters = ListParameters {
    own: &[
        parameter("names", ParameterKind::CommaList),
        parameter(
            "isolation_segment_guid",
            ParameterKind::IsolationSegmentGuid,
        ),
    ],
    order_by: &["created_at", "updated_at", "name"],
    ..ListParameters::LABELLED
};

/// `GET /v3/spaces`, and `include` of `GET /v3/spaces/:guid`.
pub const SPACES: ListParameters = ListParameters {
    own: &[
        parameter("names", ParameterKind::CommaList),
        parameter("organization_guids", ParameterKind::CommaList),
        parameter(
            "include",
            ParameterKind::Include(&[
                ("org", ORGANIZATIONS_INCLUDED),
                ("organization", ORGANIZATIONS_INCLUDED),
            ]),
        ),
    ],
    order_by: &["created_at", "updated_at", "name"],
    ..ListParameters::LABELLED
};

/// `GET /v3/apps`, and `include` of `GET /v3/apps/:guid`.
pub const APPS: ListParameters = ListParameters {
    own: &[
        parameter("names", ParameterKind::CommaList),
        parameter("organization_guids", ParameterKind::CommaList),
        parameter("space_guids", ParameterKind::CommaList),
        parameter("stacks", ParameterKind::CommaListWithValue),
        parameter(
            "include",
            ParameterKind::Include(&[
                ("space", SPACES_INCLUDED),
                ("org", ORGANIZATIONS_INCLUDED),
                ("space.organization", BOTH_INCLUDED),
            ]),
        ),
        parameter(
            "lifecycle_type",
            ParameterKind::OneWord(&["buildpack", "docker", "cnb"]),
        ),
    ],
    order_by: &["created_at", "updated_at", "name", "state"],
    ..ListParameters::LABELLED
};

/// `GET /v3/droplets` and `GET /v3/packages/:guid/droplets`.
pub const DROPLETS: ListParameters = ListParameters {
    own: &[
        parameter("app_guid", ParameterKind::AppGuid),
        parameter("app_guids", ParameterKind::CommaList),
        parameter("current", ParameterKind::Current),
        parameter("organization_guids", ParameterKind::CommaList),
        parameter("package_guid", ParameterKind::PackageGuid),
        parameter("space_guids", ParameterKind::CommaList),
        parameter("states", ParameterKind::CommaList),
    ],
    refused_within_app: REFUSED_WITHIN_APP,
    ..ListParameters::LABELLED
};

/// `GET /v3/processes` and `GET /v3/apps/:guid/processes`, and `embed` of `GET /v3/processes/:guid`.
pub const PROCESSES: ListParameters = ListParameters {
    own: &[
        parameter("app_guid", ParameterKind::AppGuid),
        parameter("types", ParameterKind::CommaList),
        parameter("space_guids", ParameterKind::CommaList),
        parameter("organization_guids", ParameterKind::CommaList),
        parameter("app_guids", ParameterKind::CommaList),
        parameter("embed", ParameterKind::Embed(EMBEDDED_IN_PROCESSES)),
    ],
    refused_within_app: REFUSED_WITHIN_APP,
    ..ListParameters::LABELLED
};

/// The words of `embed` of processes.
pub const EMBEDDED_IN_PROCESSES: &[&str] = &["process_instances"];

const USERS_INCLUDED: Include = Include {
    spaces: false,
    organizations: false,
    users: true,
};

/// `GET /v3/users`.
pub const USERS: ListParameters = ListParameters {
    own: &[
        parameter("usernames", ParameterKind::CommaList),
        parameter("partial_usernames", ParameterKind::CommaList),
        parameter("origins", ParameterKind::Origins),
    ],
    refusal: Refusal::Unprocessable,
    ..ListParameters::LABELLED
};

/// `GET /v3/roles`, and `include` of `GET /v3/roles/:guid`.
pub const ROLES: ListParameters = ListParameters {
    own: &[
        parameter("organization_guids", ParameterKind::CommaList),
        parameter("space_guids", ParameterKind::CommaList),
        parameter("user_guids", ParameterKind::CommaList),
        parameter("types", ParameterKind::CommaList),
        parameter(
            "include",
            ParameterKind::Include(&[
                ("user", USERS_INCLUDED),
                ("organization", ORGANIZATIONS_INCLUDED),
                ("space", SPACES_INCLUDED),
            ]),
        ),
    ],
    default_order: Some("created_at"),
    refusal: Refusal::Unprocessable,
    ..ListParameters::UNLABELLED
};

/// `GET /v3/organization_quotas`.
pub const ORGANIZATION_QUOTAS: ListParameters = ListParameters {
    own: &[
        parameter("names", ParameterKind::CommaList),
        parameter("organization_guids", ParameterKind::CommaList),
    ],
    ..ListParameters::UNLABELLED
};

/// Returns a parameter of a list.
pub const fn parameter(name: &'static str, kind: ParameterKind) -> Parameter {
    Parameter { name, kind }
}
