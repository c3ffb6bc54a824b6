//! Lists of packages in `2015`, whose only parameters are `page` and `per_page`.
//!
//! See `docs/reference/query-parameters.md#parameters-of-packages`.

use crate::edition::PackageListRequest;
use crate::edition::ruby::numericality::{NumericalityError, positive_integer};
use crate::edition::ruby::query_string::{self, QueryFields, QueryStringRules, QueryValue};
use crate::error::ApiError;
use crate::listing::request::{Condition, Echo, Include, ListRequest, MAXIMUM_RESULT, Page};
use crate::records::{Package, Resource};

const PARAMETERS: &[&str] = &["page", "per_page"];
const DEFAULT_PAGE: u128 = 1;
const DEFAULT_PER_PAGE: u128 = 50;
const MAX_PER_PAGE: u32 = 5000;

/// Parses the query of `GET /v3/packages`, or of `GET /v3/apps/:guid/packages` if `app` is that guid.
///
/// # Errors
///
/// Fails with the errors of [`parse_list`].
pub fn parse_packages(app: Option<&str>, query: &str) -> Result<PackageListRequest, ApiError> {
    let Some(guid) = app else {
        let list = parse_list("/v3/packages", query)?;
        return Ok(PackageListRequest { list, app: None });
    };
    let mut list = parse_list(&format!("/v3/apps/{guid}/packages"), query)?;
    list.conditions.push(match Package::filter("app_guids") {
        Some(filter) => Condition::OneOf(filter, vec![guid.to_owned()]),
        None => Condition::Nothing,
    });
    Ok(PackageListRequest {
        list,
        app: Some(guid.to_owned()),
    })
}

/// Parses the query of the list at `path`. A controller validates in two stages, and the second one (`per_page` at
/// most 5000) is reached only by a query that passes the first. See
/// `docs/reference/query-parameters.md#order-of-messages`.
///
/// # Errors
///
/// Fails with [`ApiError::InvalidRequest`] if the query cannot be parsed, and with [`ApiError::BadQuery`], which holds
/// all messages of a stage, if a parameter is unknown or wrong. A page whose offset does not fit into 63 bits gets the
/// message of `current`, because a controller of 2015 fails on it.
pub fn parse_list(path: &str, query: &str) -> Result<ListRequest, ApiError> {
    let fields = query_string::parse(query, &QueryStringRules::RACK_1_6)?;
    let mut errors = Vec::new();
    let unknown = fields.unknown(PARAMETERS);
    if !unknown.is_empty() {
        errors.push(format!(
            "Unknown query parameter(s): '{}'",
            unknown.join("', '")
        ));
    }
    let mut integer = |name, shown_name, default| {
        parse_integer(&fields, name, default).unwrap_or_else(|message| {
            errors.push(format!("{shown_name} {message}"));
            default
        })
    };
    let page = integer("page", "Page", DEFAULT_PAGE);
    let per_page = integer("per_page", "Per page", DEFAULT_PER_PAGE);
    if !errors.is_empty() {
        return Err(ApiError::BadQuery(errors.join(", ")));
    }

    let per_page = u32::try_from(per_page)
        .ok()
        .filter(|per_page| *per_page <= MAX_PER_PAGE)
        .ok_or_else(|| {
            ApiError::BadQuery(format!("Per page must be between 1 and {MAX_PER_PAGE}"))
        })?;
    let page = Page::new(page, per_page).ok_or_else(|| {
        ApiError::BadQuery(format!(
            "Maximum result (page * per_page) must be less than {MAXIMUM_RESULT}"
        ))
    })?;
    Ok(ListRequest {
        path: path.to_owned(),
        page,
        order: None,
        conditions: Vec::new(),
        echo: Echo::default(),
        include: Include::default(),
    })
}

/// Returns the positive integer of a parameter, `default` if it has no value, or the message of its first error.
fn parse_integer(fields: &QueryFields, name: &str, default: u128) -> Result<u128, &'static str> {
    match fields.get(name) {
        None | Some(QueryValue::Null) => Ok(default),
        Some(QueryValue::Text(text)) => positive_integer(text).map_err(|error| error.message()),
        Some(QueryValue::Array(_) | QueryValue::Map(_)) => {
            Err(NumericalityError::NotANumber.message())
        }
    }
}

#[cfg(test)]
mod tests;
