//! Lists in `current`, and `include` by guid. All messages about a query are joined in one error.
//!
//! See `docs/reference/query-parameters.md`.

pub mod parameters;

mod label_selector;
mod parser;
mod timestamps;

use crate::edition::current::empty::{EmptyAnswer, EmptyRoute, ParentKind, SingleParameters};
use crate::edition::ruby::query_string::{self, QueryFields, QueryStringRules};
use crate::edition::{
    DropletListRequest, DropletParent, EmptyListRequest, EmptyRequest, PackageListRequest,
    ProcessInstances, ProcessListRequest, SingleRequest,
};
use crate::error::ApiError;
use crate::listing::request::{Echo, Include, ListRequest};
use crate::records::{Droplet, Package, Process, Resource};
use parameters::{ListParameters, Parameter, ParameterKind};
use parser::{Columns, ParameterParser, non_blank_text};

/// How the query of `GET` by guid is treated. See `docs/reference/organizations-spaces-apps.md#by-guid`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SingleQuery {
    /// The query is ignored.
    Ignored,
    /// A wrong `include` is reported even if the record does not exist.
    IncludeBeforeRecord,
    /// A wrong `include` is reported only if the record exists.
    IncludeAfterRecord,
}

/// Parses the query of `GET /v3/packages`. With an `app_guid`, that is the list of one app.
///
/// # Errors
///
/// Fails with the errors of [`parse_list`].
pub fn parse_packages(query: &str) -> Result<PackageListRequest, ApiError> {
    let fields = parse_query(query)?;
    let app = non_blank_text("app_guid", &fields);
    package_list(app, &fields)
}

/// Parses the query of `GET /v3/apps/:guid/packages`, in which `app_guid` has no effect. See
/// `docs/reference/packages.md#list-of-one-app`.
///
/// # Errors
///
/// Fails with the errors of [`parse_list`].
pub fn parse_app_packages(app: &str, query: &str) -> Result<PackageListRequest, ApiError> {
    package_list(Some(app.to_owned()), &parse_query(query)?)
}

fn package_list(app: Option<String>, fields: &QueryFields) -> Result<PackageListRequest, ApiError> {
    let path = match &app {
        Some(app) => format!("/v3/apps/{app}/packages"),
        None => "/v3/packages".to_owned(),
    };
    let within_app = app.is_some();
    let mut list = list_request(
        Columns::of::<Package>(),
        &parameters::PACKAGES,
        within_app,
        path,
        fields,
    )?;
    if let Some(app) = &app {
        list.conditions
            .push(Columns::of::<Package>().one_of("app_guids", vec![app.clone()]));
    }
    Ok(PackageListRequest { list, app })
}

/// Parses the query of `GET /v3/droplets`, or of the droplets of `parent` if the path names it. With an `app_guid` or a
/// `package_guid`, the first one is the list of one app or package too. Within an app, `app_guid` has no effect.
///
/// # Errors
///
/// Fails with the errors of [`parse_list`].
pub fn parse_droplets(
    parent: Option<DropletParent>,
    query: &str,
) -> Result<DropletListRequest, ApiError> {
    let fields = parse_query(query)?;
    let app = || non_blank_text("app_guid", &fields).map(DropletParent::App);
    let package = || non_blank_text("package_guid", &fields).map(DropletParent::Package);
    let parent = match parent {
        Some(DropletParent::App(guid)) => Some(DropletParent::App(guid)),
        Some(DropletParent::Package(guid)) => app().or(Some(DropletParent::Package(guid))),
        None => app().or_else(package),
    };
    let columns = Columns::of::<Droplet>();
    let (path, condition) = match &parent {
        None => ("/v3/droplets".to_owned(), None),
        Some(DropletParent::App(guid)) => {
            let condition = columns.one_of("app_guids", vec![guid.clone()]);
            (format!("/v3/apps/{guid}/droplets"), Some(condition))
        }
        Some(DropletParent::Package(guid)) => {
            let condition = columns.one_of("package_guids", vec![guid.clone()]);
            (format!("/v3/packages/{guid}/droplets"), Some(condition))
        }
    };
    let within_app = matches!(parent, Some(DropletParent::App(_)));
    let mut list = list_request(columns, &parameters::DROPLETS, within_app, path, &fields)?;
    list.conditions.extend(condition);
    Ok(DropletListRequest { list, parent })
}

/// Parses the query of `GET /v3/processes`, or of the processes of `app` if the path names it. With an `app_guid`, the
/// first one is the list of one app too. Within an app, `app_guid` has no effect.
///
/// # Errors
///
/// Fails with the errors of [`parse_list`].
pub fn parse_processes(app: Option<String>, query: &str) -> Result<ProcessListRequest, ApiError> {
    let fields = parse_query(query)?;
    let app = app.or_else(|| non_blank_text("app_guid", &fields));
    let path = match &app {
        Some(app) => format!("/v3/apps/{app}/processes"),
        None => "/v3/processes".to_owned(),
    };
    let (columns, parameters) = (Columns::of::<Process>(), &parameters::PROCESSES);
    let (mut list, embedded) = parse_parameters(columns, parameters, app.is_some(), path, &fields)?;
    let of_app = |app: &String| columns.one_of("app_guids", vec![app.clone()]);
    list.conditions.extend(app.as_ref().map(of_app));
    Ok(ProcessListRequest {
        list,
        app,
        instances: ProcessInstances::named_by(&embedded),
    })
}

/// Parses the query of `GET` of one process, whose only parameter is `embed`.
///
/// # Errors
///
/// Fails with [`ApiError::InvalidRequest`] if the query cannot be parsed, and with [`ApiError::BadQuery`] if `embed` is
/// wrong or another parameter is given.
pub fn parse_process(query: &str) -> Result<ProcessInstances, ApiError> {
    let fields = parse_query(query)?;
    let mut parser = ParameterParser::new(Columns::NONE);
    parser.unknown(&["embed"], &fields);
    parser.embed(parameters::EMBEDDED_IN_PROCESSES, &fields)?;
    if parser.errors.is_empty() {
        Ok(ProcessInstances::named_by(&parser.words))
    } else {
        Err(parameters::PROCESSES.refusal.error(&parser.errors))
    }
}

/// Parses the query of the list of `R` at `path`. Packages have [`parse_packages`] and [`parse_app_packages`] instead,
/// which know the app.
///
/// # Errors
///
/// Fails with [`ApiError::InvalidRequest`] if the query cannot be parsed, with [`ApiError::BadQuery`], which holds all
/// messages, if a parameter is unknown or wrong, and else with [`ApiError::NotFound`] if it names an isolation
/// segment.
pub fn parse_list<R: Resource>(
    parameters: &ListParameters,
    path: &str,
    query: &str,
) -> Result<ListRequest, ApiError> {
    let fields = parse_query(query)?;
    list_request(
        Columns::of::<R>(),
        parameters,
        false,
        path.to_owned(),
        &fields,
    )
}

/// Parses the query of `GET /v3/users`.
///
/// # Errors
///
/// Fails with [`ApiError::Unprocessable`] where [`parse_list`] fails with [`ApiError::BadQuery`].
pub fn parse_users(query: &str) -> Result<ListRequest, ApiError> {
    let (path, fields) = ("/v3/users".to_owned(), parse_query(query)?);
    list_request(Columns::USERS, &parameters::USERS, false, path, &fields)
}

/// Parses the query of `GET /v3/roles`.
///
/// # Errors
///
/// Fails with the errors of [`parse_users`].
pub fn parse_roles(query: &str) -> Result<ListRequest, ApiError> {
    let (path, fields) = ("/v3/roles".to_owned(), parse_query(query)?);
    list_request(Columns::ROLES, &parameters::ROLES, false, path, &fields)
}

/// Parses the query of `GET /v3/organization_quotas`.
///
/// # Errors
///
/// Fails with the errors of [`parse_list`].
pub fn parse_quotas(query: &str) -> Result<ListRequest, ApiError> {
    let path = "/v3/organization_quotas".to_owned();
    let parameters = &parameters::ORGANIZATION_QUOTAS;
    list_request(
        Columns::QUOTA,
        parameters,
        false,
        path,
        &parse_query(query)?,
    )
}

/// Parses a request for what does not exist here. With an `app_guid`, a list that has this parameter is that of one app.
///
/// # Errors
///
/// Fails with the errors of [`parse_list`] if the route reports them before a missing parent.
pub fn parse_empty(route: &EmptyRoute, guid: &str, query: &str) -> Result<EmptyRequest, ApiError> {
    if let Some(single) = &route.single {
        check_single(single, query)?;
    }
    let mut parent = route.parent.map(|kind| (kind, guid.to_owned()));
    let list = match route.answer {
        EmptyAnswer::NotFound(text) => Err(ApiError::NotFound(text)),
        EmptyAnswer::List(parameters) => {
            Ok(parse_empty_list(route, parameters, &mut parent, query)?)
        }
        EmptyAnswer::ListOfParent(parameters) => {
            parse_empty_list(route, parameters, &mut parent, query)
        }
    };
    Ok(EmptyRequest { parent, list })
}

/// Checks the query of a resource that is never found.
fn check_single(parameters: &SingleParameters, query: &str) -> Result<(), ApiError> {
    let fields = parse_query(query)?;
    let mut parser = ParameterParser::new(Columns::NONE);
    parser.unknown(parameters.names, &fields);
    parser.include_of_none(parameters.include, &fields)?;
    match parser.errors.is_empty() {
        true => Ok(()),
        false => Err(parameters.refusal.error(&parser.errors)),
    }
}

fn parse_empty_list(
    route: &EmptyRoute,
    parameters: &ListParameters,
    parent: &mut Option<(ParentKind, String)>,
    query: &str,
) -> Result<EmptyListRequest, ApiError> {
    let fields = parse_query(query)?;
    let mut path = format!("/{}", route.path);
    if parent.is_none()
        && parameters.has(|kind| matches!(kind, ParameterKind::AppGuid))
        && let Some(app) = non_blank_text("app_guid", &fields)
    {
        path = path.replacen("/v3/", "/v3/apps/:guid/", 1);
        *parent = Some((ParentKind::App, app));
    }
    if let Some((_, guid)) = parent {
        path = path.replacen(":guid", guid, 1);
    }
    let within_app = matches!(parent, Some((ParentKind::App, _)));
    let (list, words) = parse_parameters(Columns::NONE, parameters, within_app, path, &fields)?;
    let mut included = Vec::new();
    for (word, arrays) in parameters.arrays_of_include() {
        let arrays = arrays.iter().filter(|_| words.contains(word));
        included.extend(arrays.copied());
    }
    included.dedup();
    Ok(EmptyListRequest { list, included })
}

/// Parses the query of `GET` by guid.
///
/// # Errors
///
/// Fails with the errors of [`parse_include`] if the resource reports them before a missing record.
pub fn parse_single(
    expected: SingleQuery,
    parameters: &ListParameters,
    query: &str,
) -> Result<SingleRequest, ApiError> {
    Ok(match expected {
        SingleQuery::Ignored => SingleRequest::default(),
        SingleQuery::IncludeBeforeRecord => {
            SingleRequest::new(Ok(parse_include(parameters, query)?))
        }
        SingleQuery::IncludeAfterRecord => SingleRequest::new(parse_include(parameters, query)),
    })
}

/// Parses a query whose only parameter is `include`.
///
/// # Errors
///
/// Fails with [`ApiError::InvalidRequest`] if the query cannot be parsed, and with [`ApiError::BadQuery`] if `include`
/// is wrong or another parameter is given.
pub fn parse_include(parameters: &ListParameters, query: &str) -> Result<Include, ApiError> {
    let fields = parse_query(query)?;
    let mut parser = ParameterParser::new(Columns::NONE);
    parser.unknown(&["include"], &fields);
    parser.include(parameters.include_words(), &fields)?;
    if parser.errors.is_empty() {
        Ok(parser.include)
    } else {
        Err(parameters.refusal.error(&parser.errors))
    }
}

fn parse_query(query: &str) -> Result<QueryFields, ApiError> {
    query_string::parse(query, &QueryStringRules::RACK_3_2)
}

/// Parses the parameters in the order of their messages, which is
/// `docs/reference/query-parameters.md#order-of-messages`.
fn list_request(
    columns: Columns,
    parameters: &ListParameters,
    within_app: bool,
    path: String,
    fields: &QueryFields,
) -> Result<ListRequest, ApiError> {
    parse_parameters(columns, parameters, within_app, path, fields).map(|(list, _)| list)
}

/// Like [`list_request`]. Also returns the words of `include` of a list that is always empty, or of `embed`.
fn parse_parameters(
    columns: Columns,
    parameters: &ListParameters,
    within_app: bool,
    path: String,
    fields: &QueryFields,
) -> Result<(ListRequest, Vec<&'static str>), ApiError> {
    let mut parser = ParameterParser::new(columns);
    let page = parser.page(fields);
    let order = parser.order_by(parameters, fields);
    parser.timestamps("created_ats", "created_at", fields)?;
    parser.timestamps("updated_ats", "updated_at", fields)?;
    parser.comma_list("guids", &ParameterKind::CommaList, fields)?;
    if parameters.label_selector {
        parser.label_selector(fields);
    }
    parser.unknown(&parameters.names(), fields);
    parser.disallowed(parameters.disallowed, fields);
    let mut names_isolation_segment = false;
    for Parameter { name, kind } in parameters.own {
        match kind {
            ParameterKind::Include(words) => parser.include(words, fields)?,
            ParameterKind::IncludeOfNone(words) => {
                let valid: Vec<_> = words.iter().map(|(word, _)| *word).collect();
                parser.include_of_none(&valid, fields)?;
            }
            ParameterKind::Embed(words) => parser.embed(words, fields)?,
            ParameterKind::OneWord(words) => parser.one_word(name, words, fields),
            ParameterKind::OneOf(words, fault) => parser.one_of_none(name, words, fault, fields),
            ParameterKind::Fields(resources) => parser.fields(name, resources, fields)?,
            ParameterKind::LabelSelector => parser.label_selector(fields),
            ParameterKind::Origins => parser.origins(fields),
            ParameterKind::IsolationSegmentGuid => {
                names_isolation_segment = non_blank_text(name, fields).is_some();
            }
            ParameterKind::AppGuid
            | ParameterKind::PackageGuid
            | ParameterKind::Current
            | ParameterKind::Repeated
            | ParameterKind::CommaList
            | ParameterKind::CommaListWithValue
            | ParameterKind::CommaListWithinApp
            | ParameterKind::CommaListOrNot => {}
        }
    }
    for Parameter { name, kind } in parameters.own {
        match kind {
            ParameterKind::CommaList
            | ParameterKind::CommaListWithValue
            | ParameterKind::CommaListWithinApp
            | ParameterKind::Origins => parser.comma_list(name, kind, fields)?,
            ParameterKind::CommaListOrNot => parser.comma_list_or_not(name, fields)?,
            _ => {}
        }
    }
    if parameters.has(|kind| matches!(kind, ParameterKind::Current)) {
        parser.current(within_app, fields);
    }
    if within_app {
        parser.refused(parameters.refused_within_app, fields);
    } else {
        let only_within_app = parameters.own.iter();
        let only_within_app = only_within_app
            .filter(|own| matches!(own.kind, ParameterKind::CommaListWithinApp))
            .map(|own| own.name);
        parser.refused(&only_within_app.collect::<Vec<_>>(), fields);
    }

    let Some(page) = page.filter(|_| parser.errors.is_empty()) else {
        return Err(parameters.refusal.error(&parser.errors));
    };
    if names_isolation_segment {
        return Err(ApiError::NotFound("Isolation segment not found"));
    }
    let list = ListRequest {
        path,
        page,
        order,
        conditions: parser.conditions,
        echo: Echo::new(parser.echo),
        include: parser.include,
    };
    Ok((list, parser.words))
}

#[cfg(test)]
mod tests;
