//! Lists in `current`, and `include` by guid. All messages about a query are joined in one error.
//!
//! See `docs/reference/query-parameters.md`.

pub mod parameters;

mod label_selector;
mod parser;
mod timestamps;

use crate::edition::ruby::query_string::{self, QueryFields, QueryStringRules};
use crate::edition::{DropletListRequest, DropletParent, PackageListRequest, SingleRequest};
use crate::error::ApiError;
use crate::listing::request::{Echo, Include, ListRequest};
use crate::records::{Droplet, Package, Resource};
use parameters::{ListParameters, ParameterKind};
use parser::{ParameterParser, non_blank_text, one_of};

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
    let mut list = list_request::<Package>(&parameters::PACKAGES, within_app, path, fields)?;
    if let Some(app) = &app {
        list.conditions
            .push(one_of::<Package>("app_guids", vec![app.clone()]));
    }
    Ok(PackageListRequest { list, app })
}

/// Parses the query of `GET /v3/droplets`, or of `GET /v3/packages/:guid/droplets` if `package` is that guid. With an
/// `app_guid` or a `package_guid`, the first one is the list of one app or package too.
///
/// # Errors
///
/// Fails with the errors of [`parse_list`].
pub fn parse_droplets(package: Option<&str>, query: &str) -> Result<DropletListRequest, ApiError> {
    let fields = parse_query(query)?;
    let package = match package {
        Some(package) => Some(package.to_owned()),
        None => non_blank_text("package_guid", &fields),
    };
    let parent = match (non_blank_text("app_guid", &fields), package) {
        (Some(app), _) => Some(DropletParent::App(app)),
        (None, Some(package)) => Some(DropletParent::Package(package)),
        (None, None) => None,
    };
    let (path, condition) = match &parent {
        None => ("/v3/droplets".to_owned(), None),
        Some(DropletParent::App(guid)) => {
            let condition = one_of::<Droplet>("app_guids", vec![guid.clone()]);
            (format!("/v3/apps/{guid}/droplets"), Some(condition))
        }
        Some(DropletParent::Package(guid)) => {
            let condition = one_of::<Droplet>("package_guids", vec![guid.clone()]);
            (format!("/v3/packages/{guid}/droplets"), Some(condition))
        }
    };
    let within_app = matches!(parent, Some(DropletParent::App(_)));
    let mut list = list_request::<Droplet>(&parameters::DROPLETS, within_app, path, &fields)?;
    list.conditions.extend(condition);
    Ok(DropletListRequest { list, parent })
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
    list_request::<R>(parameters, false, path.to_owned(), &parse_query(query)?)
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
    let mut parser = ParameterParser::default();
    parser.unknown(&["include"], &fields);
    parser.include(parameters.include_words(), &fields)?;
    if parser.errors.is_empty() {
        Ok(parser.include)
    } else {
        Err(ApiError::BadQuery(parser.errors.join(", ")))
    }
}

fn parse_query(query: &str) -> Result<QueryFields, ApiError> {
    query_string::parse(query, &QueryStringRules::RACK_3_2)
}

/// Parses the parameters in the order of their messages, which is
/// `docs/reference/query-parameters.md#order-of-messages`.
fn list_request<R: Resource>(
    parameters: &ListParameters,
    within_app: bool,
    path: String,
    fields: &QueryFields,
) -> Result<ListRequest, ApiError> {
    let mut parser = ParameterParser::default();
    let page = parser.page(fields);
    let order = parser.order_by::<R>(parameters, fields);
    parser.timestamps::<R>("created_ats", "created_at", fields)?;
    parser.timestamps::<R>("updated_ats", "updated_at", fields)?;
    parser.comma_list::<R>("guids", &ParameterKind::CommaList, fields)?;
    parser.label_selector::<R>(fields);
    parser.unknown(&parameters.names(), fields);
    let mut names_isolation_segment = false;
    for parameter in parameters.own {
        match &parameter.kind {
            ParameterKind::Include(words) => parser.include(words, fields)?,
            ParameterKind::OneWord(words) => parser.one_word::<R>(parameter.name, words, fields),
            ParameterKind::IsolationSegmentGuid => {
                names_isolation_segment = non_blank_text(parameter.name, fields).is_some();
            }
            ParameterKind::AppGuid
            | ParameterKind::PackageGuid
            | ParameterKind::Current
            | ParameterKind::CommaList
            | ParameterKind::CommaListWithValue => {}
        }
    }
    for parameter in parameters.own {
        if let kind @ (ParameterKind::CommaList | ParameterKind::CommaListWithValue) =
            &parameter.kind
        {
            parser.comma_list::<R>(parameter.name, kind, fields)?;
        }
    }
    let has_current = parameters
        .own
        .iter()
        .any(|own| matches!(own.kind, ParameterKind::Current));
    if has_current {
        parser.current(within_app, fields);
    }
    if within_app {
        parser.refused_within_app(parameters::REFUSED_WITHIN_APP, fields);
    }

    let Some(page) = page.filter(|_| parser.errors.is_empty()) else {
        return Err(ApiError::BadQuery(parser.errors.join(", ")));
    };
    if names_isolation_segment {
        return Err(ApiError::NotFound("Isolation segment not found"));
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
