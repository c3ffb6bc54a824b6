//! What a controller has and this server has none of: one row per route. A row is a list that is always empty, or a
//! resource that is never found.
//!
//! The routes, the validation of parameters and the operations of the OpenAPI document follow from the rows. A test
//! compares the table in `docs/reference/served-routes.md` with them, and another one tries them with every role. The
//! parameters are those of `app/messages/*_list_message.rb` of a controller.

use super::request::parameters::{ListParameters, Parameter, ParameterKind, Refusal, parameter};
use ParameterKind::{
    AppGuid, CommaList, CommaListOrNot, CommaListWithinApp, Fields, IncludeOfNone, LabelSelector,
    OneOf, Repeated,
};

/// A route to what this server has none of.
#[derive(Debug)]
pub struct EmptyRoute {
    /// The path without its first slash, with `:` before the name of each segment that varies.
    pub path: &'static str,
    /// What the segment `:guid` is the guid of. A caller who may not see it gets 404. Without it, a guid is of something
    /// that does not exist.
    pub parent: Option<ParentKind>,
    /// What the answer is.
    pub answer: EmptyAnswer,
    /// The parameters of a resource that is never found, if wrong ones are reported before that.
    pub single: Option<SingleParameters>,
}

/// The parameters of a resource that is never found.
#[derive(Clone, Copy, Debug)]
pub struct SingleParameters {
    /// The names, in the order of the message about unknown ones.
    pub names: &'static [&'static str],
    /// The words of `include`.
    pub include: &'static [&'static str],
    /// How wrong parameters are refused.
    pub refusal: Refusal,
}

/// A kind of resource that exists here and can be the parent of what does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParentKind {
    /// An organization.
    Organization,
    /// A space.
    Space,
    /// An app.
    App,
    /// A process.
    Process,
}

/// The answer of an [`EmptyRoute`].
#[derive(Clone, Copy, Debug)]
pub enum EmptyAnswer {
    /// An empty list. Wrong parameters are reported before a missing parent.
    List(&'static ListParameters),
    /// An empty list. A missing parent is reported before wrong parameters.
    ListOfParent(&'static ListParameters),
    /// 404 with this text.
    NotFound(&'static str),
}

impl EmptyRoute {
    /// Returns the value of the segment `:guid`, or an empty text if there is none, if the path is one of this route.
    pub fn guid_in<'p>(&self, path: &'p str) -> Option<&'p str> {
        let mut guid = "";
        let mut segments = path.strip_prefix('/')?.split('/');
        for expected in self.path.split('/') {
            let segment = segments.next()?;
            match expected {
                ":guid" => guid = segment,
                name if name.starts_with(':') => {}
                literal if literal == segment => continue,
                _ => return None,
            }
            if segment.is_empty() {
                return None;
            }
        }
        segments.next().is_none().then_some(guid)
    }

    /// Returns the parameters of the list, if it is one.
    pub fn parameters(&self) -> Option<&'static ListParameters> {
        match self.answer {
            EmptyAnswer::List(parameters) | EmptyAnswer::ListOfParent(parameters) => {
                Some(parameters)
            }
            EmptyAnswer::NotFound(_) => None,
        }
    }

    /// Returns the names of the parameters that the list accepts, in the order of the message about unknown ones. The
    /// message names some more: each value of them is refused, within an app, outside, or everywhere.
    pub fn accepted(&self) -> Vec<&'static str> {
        if self.single.is_some() {
            return vec!["include"];
        }
        let Some(parameters) = self.parameters() else {
            return Vec::new();
        };
        let within_app = self.parent == Some(ParentKind::App);
        let is_refused = |name: &str| {
            let own = parameters.own.iter().find(|own| own.name == name);
            parameters.disallowed.contains(&name)
                || (within_app && parameters.refused_within_app.contains(&name))
                || own.is_some_and(|own| match own.kind {
                    CommaListWithinApp => !within_app,
                    OneOf(words, _) => words.is_empty(),
                    _ => false,
                })
        };
        let mut accepted = Vec::new();
        for name in parameters.names() {
            if !accepted.contains(&name) && !is_refused(name) {
                accepted.push(name);
            }
        }
        accepted
    }
}

/// The rows, in the order of their paths.
#[rustfmt::skip] // One line per route.
pub const EMPTY_ROUTES: &[EmptyRoute] = &[
    of_parent("v3/apps/:guid/droplets/current", ParentKind::App, EmptyAnswer::NotFound("Droplet not found")),
    of_parent("v3/apps/:guid/relationships/current_droplet", ParentKind::App, EmptyAnswer::NotFound("Droplet not found")),
    of_parent("v3/apps/:guid/revisions", ParentKind::App, EmptyAnswer::List(&REVISIONS)),
    of_parent("v3/apps/:guid/revisions/deployed", ParentKind::App, EmptyAnswer::List(&REVISIONS)),
    of_parent("v3/apps/:guid/routes", ParentKind::App, EmptyAnswer::List(&ROUTES)),
    of_parent("v3/apps/:guid/sidecars", ParentKind::App, EmptyAnswer::List(&ListParameters::UNLABELLED)),
    of_parent("v3/apps/:guid/tasks", ParentKind::App, EmptyAnswer::List(&TASKS)),
    list("v3/audit_events", &AUDIT_EVENTS),
    missing("v3/audit_events/:guid", "Event not found"),
    list("v3/buildpacks", &BUILDPACKS),
    missing("v3/buildpacks/:guid", "Buildpack not found"),
    list("v3/deployments", &DEPLOYMENTS),
    missing("v3/deployments/:guid", "Deployment not found"),
    list("v3/domains", &DOMAINS),
    missing("v3/domains/:guid", "Domain not found"),
    list("v3/feature_flags", &FEATURE_FLAGS),
    missing("v3/feature_flags/:name", "Feature flag not found"),
    list("v3/isolation_segments", &ISOLATION_SEGMENTS),
    missing("v3/isolation_segments/:guid", "Isolation segment not found"),
    of_parent("v3/organizations/:guid/domains", ParentKind::Organization, EmptyAnswer::ListOfParent(&DOMAINS)),
    of_parent("v3/organizations/:guid/domains/default", ParentKind::Organization, EmptyAnswer::NotFound("Domain not found")),
    of_parent("v3/processes/:guid/sidecars", ParentKind::Process, EmptyAnswer::List(&ListParameters::UNLABELLED)),
    list("v3/routes", &ROUTES),
    missing_after("v3/routes/:guid", "Route not found", ROUTE),
    list("v3/security_groups", &SECURITY_GROUPS),
    missing("v3/security_groups/:guid", "Security group not found"),
    list("v3/service_brokers", &SERVICE_BROKERS),
    missing("v3/service_brokers/:guid", "Service broker not found"),
    list("v3/service_credential_bindings", &SERVICE_CREDENTIAL_BINDINGS),
    missing_after("v3/service_credential_bindings/:guid", "Service credential binding not found", SERVICE_CREDENTIAL_BINDING),
    list("v3/service_instances", &SERVICE_INSTANCES),
    missing("v3/service_instances/:guid", "Service instance not found"),
    list("v3/service_offerings", &SERVICE_OFFERINGS),
    missing("v3/service_offerings/:guid", "Service offering not found"),
    list("v3/service_plans", &SERVICE_PLANS),
    missing("v3/service_plans/:guid", "Service plan not found"),
    list("v3/service_route_bindings", &SERVICE_ROUTE_BINDINGS),
    missing("v3/service_route_bindings/:guid", "Service route binding not found"),
    list("v3/space_quotas", &SPACE_QUOTAS),
    missing("v3/space_quotas/:guid", "Space quota not found"),
    of_parent("v3/spaces/:guid/running_security_groups", ParentKind::Space, EmptyAnswer::List(&SECURITY_GROUPS_OF_SPACE)),
    of_parent("v3/spaces/:guid/staging_security_groups", ParentKind::Space, EmptyAnswer::List(&SECURITY_GROUPS_OF_SPACE)),
    list("v3/stacks", &STACKS),
    missing("v3/stacks/:guid", "Stack not found"),
    list("v3/tasks", &TASKS),
    missing("v3/tasks/:guid", "Task not found"),
];

const fn list(path: &'static str, parameters: &'static ListParameters) -> EmptyRoute {
    EmptyRoute {
        path,
        parent: None,
        answer: EmptyAnswer::List(parameters),
        single: None,
    }
}

const fn missing(path: &'static str, text: &'static str) -> EmptyRoute {
    EmptyRoute {
        path,
        parent: None,
        answer: EmptyAnswer::NotFound(text),
        single: None,
    }
}

/// Returns the row of a resource that is never found, whose wrong parameters are reported before that.
const fn missing_after(
    path: &'static str,
    text: &'static str,
    parameters: SingleParameters,
) -> EmptyRoute {
    EmptyRoute {
        single: Some(parameters),
        ..missing(path, text)
    }
}

const fn of_parent(path: &'static str, parent: ParentKind, answer: EmptyAnswer) -> EmptyRoute {
    EmptyRoute {
        path,
        parent: Some(parent),
        answer,
        single: None,
    }
}

const fn labelled(own: &'static [Parameter]) -> ListParameters {
    ListParameters {
        own,
        ..ListParameters::LABELLED
    }
}

const fn unlabelled(own: &'static [Parameter]) -> ListParameters {
    ListParameters {
        own,
        ..ListParameters::UNLABELLED
    }
}

const TIMES_AND_NAME: &[&str] = &["created_at", "updated_at", "name"];
const TRUE_OR_FALSE: ParameterKind = OneOf(&["true", "false"], "must be 'true' or 'false'");

/// `app/messages/route_show_message.rb` of a controller, which takes the guid from the path.
const ROUTE: SingleParameters = SingleParameters {
    names: &["guid", "include"],
    include: &["domain", "space", "space.organization"],
    refusal: Refusal::Unprocessable,
};
const SERVICE_CREDENTIAL_BINDING: SingleParameters = SingleParameters {
    names: &["include"],
    include: &["app", "service_instance"],
    refusal: Refusal::BadQuery,
};

const REVISIONS: ListParameters = labelled(&[
    parameter("versions", CommaList),
    // A controller compares the text of the query with true and false, so that every value is wrong.
    parameter("deployable", OneOf(&[], "must be a boolean")),
]);
const ROUTES: ListParameters = unlabelled(&[
    parameter("hosts", CommaList),
    parameter("space_guids", CommaList),
    parameter("organization_guids", CommaList),
    parameter("domain_guids", CommaList),
    parameter("paths", CommaList),
    parameter("app_guids", CommaList),
    parameter(
        "include",
        IncludeOfNone(&[
            ("domain", &["domains"]),
            ("space", &["spaces"]),
            ("space.organization", &["spaces", "organizations"]),
        ]),
    ),
    parameter("label_selector", LabelSelector),
    parameter("ports", CommaList),
    parameter("service_instance_guids", CommaList),
]);
const TASKS: ListParameters = ListParameters {
    refused_within_app: &["space_guids", "organization_guids", "app_guids"],
    ..labelled(&[
        parameter("names", CommaList),
        parameter("states", CommaList),
        parameter("app_guids", CommaList),
        parameter("organization_guids", CommaList),
        parameter("space_guids", CommaList),
        parameter("app_guid", AppGuid),
        parameter("sequence_ids", CommaListWithinApp),
    ])
};
const AUDIT_EVENTS: ListParameters = unlabelled(&[
    parameter("types", CommaList),
    parameter("target_guids", CommaListOrNot),
    parameter("space_guids", CommaList),
    parameter("organization_guids", CommaList),
]);
const BUILDPACKS: ListParameters = ListParameters {
    order_by: &["created_at", "updated_at", "position", "lifecycle"],
    ..labelled(&[
        parameter("stacks", CommaList),
        parameter("names", CommaList),
        parameter(
            "lifecycle",
            OneOf(
                &["buildpack", "cnb"],
                "must be either \"buildpack\" or \"cnb\"",
            ),
        ),
        parameter("page", Repeated),
        parameter("per_page", Repeated),
    ])
};
const DEPLOYMENTS: ListParameters = labelled(&[
    parameter("app_guids", CommaList),
    parameter("states", CommaList),
    parameter("status_reasons", CommaList),
    parameter("status_values", CommaList),
]);
const DOMAINS: ListParameters = labelled(&[
    parameter("names", CommaList),
    parameter("guids", Repeated),
    parameter("organization_guids", CommaList),
]);
const FEATURE_FLAGS: ListParameters = ListParameters {
    order_by: &["name"],
    disallowed: &["created_ats"],
    ..ListParameters::UNLABELLED
};
const ISOLATION_SEGMENTS: ListParameters = ListParameters {
    order_by: TIMES_AND_NAME,
    ..labelled(&[
        parameter("names", CommaList),
        parameter("organization_guids", CommaList),
    ])
};
const SECURITY_GROUPS: ListParameters = ListParameters {
    refusal: Refusal::Unprocessable,
    ..unlabelled(&[
        parameter("names", CommaList),
        parameter("running_space_guids", CommaList),
        parameter("staging_space_guids", CommaList),
        parameter("globally_enabled_running", TRUE_OR_FALSE),
        parameter("globally_enabled_staging", TRUE_OR_FALSE),
    ])
};
const SECURITY_GROUPS_OF_SPACE: ListParameters = ListParameters {
    refusal: Refusal::Unprocessable,
    ..unlabelled(&[parameter("names", CommaList)])
};
const SERVICE_BROKERS: ListParameters = ListParameters {
    order_by: TIMES_AND_NAME,
    ..labelled(&[
        parameter("space_guids", CommaList),
        parameter("names", CommaList),
    ])
};
const SERVICE_CREDENTIAL_BINDINGS: ListParameters = ListParameters {
    order_by: TIMES_AND_NAME,
    ..labelled(&[
        parameter("names", CommaList),
        parameter("service_instance_guids", CommaList),
        parameter("service_instance_names", CommaList),
        parameter("service_plan_names", CommaList),
        parameter("service_plan_guids", CommaList),
        parameter("service_offering_names", CommaList),
        parameter("service_offering_guids", CommaList),
        parameter("app_guids", CommaList),
        parameter("app_names", CommaList),
        parameter(
            "include",
            IncludeOfNone(&[
                ("app", &["apps"]),
                ("service_instance", &["service_instances"]),
            ]),
        ),
        parameter(
            "type",
            OneOf(&["app", "key"], "must be one of 'app', 'key'"),
        ),
    ])
};
const SERVICE_INSTANCES: ListParameters = ListParameters {
    order_by: TIMES_AND_NAME,
    ..labelled(&[
        parameter(
            "type",
            OneOf(
                &["managed", "user-provided"],
                "must be one of 'managed', 'user-provided'",
            ),
        ),
        parameter(
            "fields",
            Fields(&[
                ("space", &["guid", "name", "relationships.organization"]),
                ("space.organization", &["name", "guid"]),
                (
                    "service_plan",
                    &["guid", "name", "relationships.service_offering"],
                ),
                (
                    "service_plan.service_offering",
                    &[
                        "name",
                        "guid",
                        "description",
                        "documentation_url",
                        "tags",
                        "relationships.service_broker",
                    ],
                ),
                (
                    "service_plan.service_offering.service_broker",
                    &["name", "guid"],
                ),
            ]),
        ),
        parameter("names", CommaList),
        parameter("space_guids", CommaList),
        parameter("organization_guids", CommaList),
        parameter("service_plan_guids", CommaList),
        parameter("service_plan_names", CommaList),
    ])
};
const SERVICE_OFFERINGS: ListParameters = ListParameters {
    order_by: TIMES_AND_NAME,
    ..labelled(&[
        parameter("available", TRUE_OR_FALSE),
        parameter("fields", Fields(&[("service_broker", &["guid", "name"])])),
        parameter("broker_catalog_ids", CommaList),
        parameter("service_broker_guids", CommaList),
        parameter("service_broker_names", CommaList),
        parameter("names", CommaList),
        parameter("space_guids", CommaList),
        parameter("organization_guids", CommaList),
    ])
};
const SERVICE_PLANS: ListParameters = ListParameters {
    order_by: TIMES_AND_NAME,
    ..labelled(&[
        parameter("available", TRUE_OR_FALSE),
        parameter(
            "fields",
            Fields(&[("service_offering.service_broker", &["guid", "name"])]),
        ),
        parameter("broker_catalog_ids", CommaList),
        parameter("names", CommaList),
        parameter("organization_guids", CommaList),
        parameter("service_broker_guids", CommaList),
        parameter("service_broker_names", CommaList),
        parameter("service_instance_guids", CommaList),
        parameter("service_offering_guids", CommaList),
        parameter("service_offering_names", CommaList),
        parameter("space_guids", CommaList),
        parameter(
            "include",
            IncludeOfNone(&[
                ("space.organization", &["spaces", "organizations"]),
                ("service_offering", &["service_offerings"]),
            ]),
        ),
    ])
};
const SERVICE_ROUTE_BINDINGS: ListParameters = labelled(&[
    parameter("service_instance_guids", CommaList),
    parameter("service_instance_names", CommaList),
    parameter("route_guids", CommaList),
    parameter(
        "include",
        IncludeOfNone(&[
            ("route", &["routes"]),
            ("service_instance", &["service_instances"]),
        ]),
    ),
]);
const SPACE_QUOTAS: ListParameters = ListParameters {
    refusal: Refusal::Unprocessable,
    ..unlabelled(&[
        parameter("names", CommaList),
        parameter("organization_guids", CommaList),
        parameter("space_guids", CommaList),
    ])
};
const STACKS: ListParameters = ListParameters {
    order_by: TIMES_AND_NAME,
    ..labelled(&[
        parameter("names", CommaList),
        parameter("default", TRUE_OR_FALSE),
    ])
};
