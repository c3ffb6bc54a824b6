//! Lists in 2015: `page` and `per_page`, and nothing else (reference: packages-api.md §1.3).

use crate::edition::PackageListRequest;
use crate::edition::ruby::numericality::{NotPositive, positive};
use crate::edition::ruby::query_string::{self, Fields, QueryStringRules, Value};
use crate::error::ApiError;
use crate::listing::request::{Condition, Echo, Include, ListRequest, MAXIMUM_RESULT, Page};
use crate::records::{Package, Resource};

const RULES: QueryStringRules = QueryStringRules {
    separators: &['&', ';'],
    stray_brackets_ignored: true,
};
const PARAMETERS: [&str; 2] = ["page", "per_page"];
const DEFAULT_PAGE: u128 = 1;
const DEFAULT_PER_PAGE: u128 = 50;
const MOST_PER_PAGE: u32 = 5000;

/// `GET /v3/packages`, or `GET /v3/apps/:guid/packages` with that `app`.
pub fn packages(app: Option<&str>, query: &str) -> Result<PackageListRequest, ApiError> {
    let Some(guid) = app else {
        let list = list("/v3/packages", query)?;
        return Ok(PackageListRequest { list, app: None });
    };
    let mut list = list(&format!("/v3/apps/{guid}/packages"), query)?;
    list.conditions.push(match Package::filter("app_guids") {
        Some(filter) => Condition::OneOf(filter, vec![guid.to_owned()]),
        None => Condition::Nothing,
    });
    Ok(PackageListRequest {
        list,
        app: Some(guid.to_owned()),
    })
}

/// What is asked of the list at `path`; every list of 2015 takes the same (reference: packages-api.md §1.3, §7.11).
///
/// A second stage is reached only by what passes the first. Where the controller's database would fail
/// on the offset, the refusal is today's.
pub fn list(path: &str, query: &str) -> Result<ListRequest, ApiError> {
    let fields = query_string::parse(query, &RULES)?;
    let mut faults = Vec::new();
    let unknown = fields.unknown(&PARAMETERS);
    if !unknown.is_empty() {
        faults.push(format!(
            "Unknown query parameter(s): '{}'",
            unknown.join("', '")
        ));
    }
    let number = whole(&fields, "page", "Page", DEFAULT_PAGE, &mut faults);
    let per_page = whole(
        &fields,
        "per_page",
        "Per page",
        DEFAULT_PER_PAGE,
        &mut faults,
    );
    if !faults.is_empty() {
        return Err(ApiError::BadQuery(faults.join(", ")));
    }

    let per_page = u32::try_from(per_page)
        .ok()
        .filter(|per_page| *per_page <= MOST_PER_PAGE)
        .ok_or_else(|| {
            ApiError::BadQuery(format!("Per page must be between 1 and {MOST_PER_PAGE}"))
        })?;
    let page = Page::new(number, per_page).ok_or_else(|| {
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

/// The parameter's number, or the default where it has none; its fault goes to `faults`.
fn whole(
    fields: &Fields,
    name: &str,
    shown: &str,
    default: u128,
    faults: &mut Vec<String>,
) -> u128 {
    let number = match fields.get(name) {
        None | Some(Value::Null) => Ok(default),
        Some(Value::Text(text)) => positive(text),
        Some(Value::Array(_) | Value::Map(_)) => Err(NotPositive::NoNumber),
    };
    number.unwrap_or_else(|fault| {
        let fault = match fault {
            NotPositive::NoNumber => "is not a number",
            NotPositive::NotWhole => "must be an integer",
            NotPositive::TooSmall => "must be greater than 0",
        };
        faults.push(format!("{shown} {fault}"));
        default
    })
}

#[cfg(test)]
mod tests;
