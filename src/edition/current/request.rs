//! Lists today: every parameter of every list, all faults in one refusal (reference: packages-api.md §1,
//! neighbours.md §1).

mod label_selector;
pub mod parameters;
mod parser;
mod timestamps;

use crate::edition::ruby::query_string::{self, Fields, QueryStringRules};
use crate::edition::{PackageListRequest, SingleRequest};
use crate::error::ApiError;
use crate::listing::request::{Echo, Include, ListRequest};
use crate::records::{Package, Resource};
use parameters::{ListParameters, ParameterKind};
use parser::{ParameterParser, named, one_of};

const RULES: QueryStringRules = QueryStringRules {
    separators: &['&'],
    stray_brackets_ignored: false,
};
const PACKAGES_PATH: &str = "/v3/packages";
/// What the query of `GET` by guid may hold (neighbours.md §7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SingleQuery {
    /// The query is ignored.
    Ignored,
    /// `include` is checked before the row is looked up.
    IncludeFirst,
    /// `include` is checked once the row is known to exist.
    IncludeLast,
}

const NO_ISOLATION_SEGMENT: &str = "Isolation segment not found";

/// `GET /v3/packages` (reference: packages-api.md §1; `app_guid`: §1.8).
pub fn packages(query: &str) -> Result<PackageListRequest, ApiError> {
    let fields = query_string::parse(query, &RULES)?;
    let app = named("app_guid", &fields);
    packages_of(app, &fields)
}

/// `GET /v3/apps/:guid/packages` (reference: packages-api.md §7.11). The path's app, whatever `app_guid` says.
pub fn app_packages(app: &str, query: &str) -> Result<PackageListRequest, ApiError> {
    packages_of(Some(app.to_owned()), &query_string::parse(query, &RULES)?)
}

fn packages_of(app: Option<String>, fields: &Fields) -> Result<PackageListRequest, ApiError> {
    let path = match &app {
        Some(app) => format!("/v3/apps/{app}/packages"),
        None => PACKAGES_PATH.to_owned(),
    };
    let mut list = read::<Package>(&parameters::PACKAGES, app.is_some(), path, fields)?;
    if let Some(app) = &app {
        list.conditions
            .push(one_of::<Package>("app_guids", vec![app.clone()]));
    }
    Ok(PackageListRequest { list, app })
}

/// What is asked of the list of `R` at `path` (reference: packages-api.md §1.2, neighbours.md §1.3).
///
/// For packages ask [`packages`] or [`app_packages`]: they know of the app.
pub fn list<R: Resource>(
    parameters: &ListParameters,
    path: &str,
    query: &str,
) -> Result<ListRequest, ApiError> {
    read::<R>(
        parameters,
        false,
        path.to_owned(),
        &query_string::parse(query, &RULES)?,
    )
}

/// Parses the query of `GET` by guid.
pub fn single(
    expected: SingleQuery,
    parameters: &ListParameters,
    query: &str,
) -> Result<SingleRequest, ApiError> {
    Ok(match expected {
        SingleQuery::Ignored => SingleRequest::default(),
        SingleQuery::IncludeFirst => SingleRequest::new(Ok(include(parameters, query)?)),
        SingleQuery::IncludeLast => SingleRequest::new(include(parameters, query)),
    })
}

/// Parses `include` of one space or one app (reference: neighbours.md §7).
pub(in crate::edition) fn include(
    parameters: &ListParameters,
    query: &str,
) -> Result<Include, ApiError> {
    let fields = query_string::parse(query, &RULES)?;
    let mut parser = ParameterParser::default();
    parser.unknown(&["include"], &fields);
    parser.include(parameters.include().unwrap_or_default(), &fields)?;
    if parser.faults.is_empty() {
        Ok(parser.include)
    } else {
        Err(ApiError::BadQuery(parser.faults.join(", ")))
    }
}

/// Reads the parameters in the order in which their faults are told.
fn read<R: Resource>(
    parameters: &ListParameters,
    within_an_app: bool,
    path: String,
    fields: &Fields,
) -> Result<ListRequest, ApiError> {
    let mut parser = ParameterParser::default();
    let page = parser.page(fields);
    let order = parser.order::<R>(parameters, fields);
    parser.times::<R>("created_ats", "created_at", fields)?;
    parser.times::<R>("updated_ats", "updated_at", fields)?;
    parser.list::<R>("guids", &ParameterKind::List, fields)?;
    parser.label_selector::<R>(fields);
    parser.unknown(&parameters.names(), fields);
    let mut of_isolation_segment = false;
    for parameter in parameters.own {
        match &parameter.kind {
            ParameterKind::Include(words) => parser.include(words, fields)?,
            ParameterKind::Word(words) => parser.word::<R>(parameter.name, words, fields),
            ParameterKind::IsolationSegment => {
                of_isolation_segment = named(parameter.name, fields).is_some();
            }
            ParameterKind::App | ParameterKind::List | ParameterKind::ListWithValue => {}
        }
    }
    for parameter in parameters.own {
        if let kind @ (ParameterKind::List | ParameterKind::ListWithValue) = &parameter.kind {
            parser.list::<R>(parameter.name, kind, fields)?;
        }
    }
    if within_an_app {
        parser.refused_within_an_app(&parameters::NOT_WITHIN_AN_APP, fields);
    }

    let Some(page) = page.filter(|_| parser.faults.is_empty()) else {
        return Err(ApiError::BadQuery(parser.faults.join(", ")));
    };
    if of_isolation_segment {
        return Err(ApiError::NotFound(NO_ISOLATION_SEGMENT));
    }
    Ok(ListRequest {
        path,
        page,
        order,
        conditions: parser.conditions,
        echo: Echo::new(parser.echo),
        include: parser.include,
    })
}

#[cfg(test)]
mod tests;
