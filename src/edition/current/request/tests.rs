//! packages-api.md §1.3, §1.5, §1.6, §3.2 and neighbours.md §1, §6, §7, row by row.

mod hrefs;
mod labels;
mod organizations_spaces_apps;
mod packages;
mod times;

use super::*;
use crate::listing::request::Condition;
use crate::records::{App, Organization, Space};

const MAXIMUM: &str = "Maximum result (page * per_page) must be less than 9223372036854775807";
const FORMAT: &str = "Created ats has an invalid timestamp format. Timestamps should be formatted as 'YYYY-MM-DDThh:mm:ssZ'";
const SORT_COLUMNS: &str = "Order by can only be: 'created_at', 'updated_at'";
const VALID: &str = "Valid parameters are: 'page', 'per_page', 'order_by', 'created_ats', 'updated_ats', 'guids', 'states', 'types', 'app_guids', 'app_guid', 'space_guids', 'organization_guids', 'label_selector'";

fn get(query: &str) -> Result<ListRequest, ApiError> {
    super::packages(query).map(|request| request.list)
}

fn organizations(query: &str) -> Result<ListRequest, ApiError> {
    list::<Organization>(&parameters::ORGANIZATIONS, "/v3/organizations", query)
}

fn spaces(query: &str) -> Result<ListRequest, ApiError> {
    list::<Space>(&parameters::SPACES, "/v3/spaces", query)
}

fn apps(query: &str) -> Result<ListRequest, ApiError> {
    list::<App>(&parameters::APPS, "/v3/apps", query)
}

/// The text of the 400, or nothing where it is a list.
fn refusal<T>(result: Result<T, ApiError>) -> String {
    match result {
        Ok(_) => String::new(),
        Err(ApiError::BadQuery(text)) => text,
        Err(other) => panic!("{other:?}"),
    }
}

/// The list's second page, as its href says it.
fn next(result: Result<ListRequest, ApiError>) -> String {
    let list = result.unwrap();
    let per_page = list.page.per_page();
    let Echo { before, after } = list.echo;
    format!("{}?{before}page=2&per_page={per_page}{after}", list.path)
}

/// The name and elements of the only list filter.
fn elements(result: Result<ListRequest, ApiError>) -> (String, Vec<String>) {
    let mut conditions = result.unwrap().conditions;
    assert_eq!(conditions.len(), 1);
    match conditions.remove(0) {
        Condition::OneOf(filter, values) => (filter.name.to_owned(), values),
        Condition::Nothing => ("nothing".to_owned(), Vec::new()),
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_a_list_accepts_its_resource_has() {
    fn holds<R: Resource>(parameters: &ListParameters) {
        for parameter in parameters.own {
            if let ParameterKind::List | ParameterKind::ListWithValue | ParameterKind::Word(_) =
                parameter.kind
            {
                assert!(R::filter(parameter.name).is_some(), "{}", parameter.name);
            }
        }
        let orders = parameters.orders.iter();
        for order in orders.chain(&["created_at", "updated_at"]) {
            assert!(R::order(order).is_some(), "{order}");
        }
        assert!(R::filter("guids").is_some());
    }
    holds::<Package>(&parameters::PACKAGES);
    holds::<Organization>(&parameters::ORGANIZATIONS);
    holds::<Space>(&parameters::SPACES);
    holds::<App>(&parameters::APPS);
}
