//! Lists today: every parameter of every list, all faults in one refusal (reference: packages-api.md §1,
//! neighbours.md §1).

use super::accepted::{self, Accepted, Kind};
use super::parameters::{Reading, named, one_of};
use crate::edition::PackagesRequest;
use crate::edition::query::{self, Fields, Rules};
use crate::error::ApiError;
use crate::listing::request::{Echo, Include, ListRequest};
use crate::resource::{Package, Resource};

const RULES: Rules = Rules {
    separators: &['&'],
    stray_brackets_ignored: false,
};
const PACKAGES_PATH: &str = "/v3/packages";
const NO_ISOLATION_SEGMENT: &str = "Isolation segment not found";

/// `GET /v3/packages` (reference: packages-api.md §1; `app_guid`: §1.8).
pub fn packages(query: &str) -> Result<PackagesRequest, ApiError> {
    let fields = query::parse(query, &RULES)?;
    let app = named("app_guid", &fields);
    packages_of(app, &fields)
}

/// `GET /v3/apps/:guid/packages` (reference: packages-api.md §7.11). The path's app, whatever `app_guid` says.
pub fn app_packages(app: &str, query: &str) -> Result<PackagesRequest, ApiError> {
    packages_of(Some(app.to_owned()), &query::parse(query, &RULES)?)
}

fn packages_of(app: Option<String>, fields: &Fields) -> Result<PackagesRequest, ApiError> {
    let path = match &app {
        Some(app) => format!("/v3/apps/{app}/packages"),
        None => PACKAGES_PATH.to_owned(),
    };
    let mut list = read::<Package>(&accepted::PACKAGES, app.is_some(), path, fields)?;
    if let Some(app) = &app {
        list.conditions
            .push(one_of::<Package>("app_guids", vec![app.clone()]));
    }
    Ok(PackagesRequest { list, app })
}

/// What is asked of the list of `R` at `path` (reference: packages-api.md §1.2, neighbours.md §1.3).
///
/// For packages ask [`packages`] or [`app_packages`]: they know of the app.
pub fn list<R: Resource>(
    accepted: &Accepted,
    path: &str,
    query: &str,
) -> Result<ListRequest, ApiError> {
    read::<R>(
        accepted,
        false,
        path.to_owned(),
        &query::parse(query, &RULES)?,
    )
}

/// What to show beside one space or one app (reference: neighbours.md §7).
pub fn show_include(accepted: &Accepted, query: &str) -> Result<Include, ApiError> {
    let fields = query::parse(query, &RULES)?;
    let mut reading = Reading::default();
    reading.unknown(&["include"], &fields);
    reading.include(accepted.include().unwrap_or_default(), &fields)?;
    if reading.faults.is_empty() {
        Ok(reading.include)
    } else {
        Err(ApiError::BadQuery(reading.faults.join(", ")))
    }
}

/// Reads the parameters in the order in which their faults are told.
fn read<R: Resource>(
    accepted: &Accepted,
    within_an_app: bool,
    path: String,
    fields: &Fields,
) -> Result<ListRequest, ApiError> {
    let mut reading = Reading::default();
    let page = reading.page(fields);
    let order = reading.order::<R>(accepted, fields);
    reading.times::<R>("created_ats", "created_at", fields)?;
    reading.times::<R>("updated_ats", "updated_at", fields)?;
    reading.list::<R>("guids", &Kind::List, fields)?;
    reading.label_selector::<R>(fields);
    reading.unknown(&accepted.names(), fields);
    let mut of_isolation_segment = false;
    for parameter in accepted.own {
        match &parameter.kind {
            Kind::Include(words) => reading.include(words, fields)?,
            Kind::Word(words) => reading.word::<R>(parameter.name, words, fields),
            Kind::IsolationSegment => {
                of_isolation_segment = named(parameter.name, fields).is_some();
            }
            Kind::App | Kind::List | Kind::ListWithValue => {}
        }
    }
    for parameter in accepted.own {
        if let kind @ (Kind::List | Kind::ListWithValue) = &parameter.kind {
            reading.list::<R>(parameter.name, kind, fields)?;
        }
    }
    if within_an_app {
        reading.refused_within_an_app(&accepted::NOT_WITHIN_AN_APP, fields);
    }

    let Some(page) = page.filter(|_| reading.faults.is_empty()) else {
        return Err(ApiError::BadQuery(reading.faults.join(", ")));
    };
    if of_isolation_segment {
        return Err(ApiError::NotFound(NO_ISOLATION_SEGMENT));
    }
    Ok(ListRequest {
        path,
        page,
        order,
        conditions: reading.conditions,
        echo: Echo::new(reading.echo),
        include: reading.include,
    })
}

#[cfg(test)]
mod tests;
