//! The rows of the tables in `docs/reference/query-parameters.md`, `docs/reference/label-selectors.md` and
//! `docs/reference/ordering-and-paging.md#hrefs`.

mod hrefs;
mod label_selectors;
mod organizations_spaces_apps;
mod packages;
mod timestamps;

use super::*;
use crate::listing::request::Condition;
use crate::records::{App, Organization, Process, Space};

const MAXIMUM_MESSAGE: &str =
    "Maximum result (page * per_page) must be less than 9223372036854775807";
const TIMESTAMP_MESSAGE: &str = "Created ats has an invalid timestamp format. Timestamps should be formatted as 'YYYY-MM-DDThh:mm:ssZ'";
const ORDER_BY_MESSAGE: &str = "Order by can only be: 'created_at', 'updated_at'";
const VALID_PARAMETERS: &str = "Valid parameters are: 'page', 'per_page', 'order_by', 'created_ats', 'updated_ats', 'guids', 'states', 'types', 'app_guids', 'app_guid', 'space_guids', 'organization_guids', 'label_selector'";

fn packages(query: &str) -> Result<ListRequest, ApiError> {
    parse_packages(query).map(|request| request.list)
}

fn organizations(query: &str) -> Result<ListRequest, ApiError> {
    parse_list::<Organization>(&parameters::ORGANIZATIONS, "/v3/organizations", query)
}

fn spaces(query: &str) -> Result<ListRequest, ApiError> {
    parse_list::<Space>(&parameters::SPACES, "/v3/spaces", query)
}

fn apps(query: &str) -> Result<ListRequest, ApiError> {
    parse_list::<App>(&parameters::APPS, "/v3/apps", query)
}

/// Returns the messages of a 400, or an empty text if the query is right.
fn messages<T>(result: Result<T, ApiError>) -> String {
    match result {
        Ok(_) => String::new(),
        Err(ApiError::BadQuery(text)) => text,
        Err(other) => panic!("{other:?}"),
    }
}

/// Returns the href of the list's second page.
fn next_href(result: Result<ListRequest, ApiError>) -> String {
    let list = result.unwrap();
    let per_page = list.page.per_page();
    let Echo { before, after } = list.echo;
    format!("{}?{before}page=2&per_page={per_page}{after}", list.path)
}

/// Returns the name and the elements of the only filter.
fn only_filter(result: Result<ListRequest, ApiError>) -> (String, Vec<String>) {
    let mut conditions = result.unwrap().conditions;
    assert_eq!(conditions.len(), 1);
    match conditions.remove(0) {
        Condition::OneOf(filter, values) => (filter.name.to_owned(), values),
        Condition::Nothing => ("nothing".to_owned(), Vec::new()),
        other => panic!("{other:?}"),
    }
}

#[test]
fn records_have_the_filters_and_sort_columns_of_the_parameter_tables() {
    fn check<R: Resource>(parameters: &ListParameters) {
        for parameter in parameters.own {
            if let ParameterKind::CommaList
            | ParameterKind::CommaListWithValue
            | ParameterKind::OneWord(_) = parameter.kind
            {
                assert!(R::filter(parameter.name).is_some(), "{}", parameter.name);
            }
        }
        let names = parameters.order_by.iter();
        for name in names.chain(&["created_at", "updated_at"]) {
            assert!(R::order(name).is_some(), "{name}");
        }
        assert!(R::filter("guids").is_some());
    }
    check::<Package>(&parameters::PACKAGES);
    check::<Organization>(&parameters::ORGANIZATIONS);
    check::<Space>(&parameters::SPACES);
    check::<App>(&parameters::APPS);
    check::<Droplet>(&parameters::DROPLETS);
    check::<Process>(&parameters::PROCESSES);
}
