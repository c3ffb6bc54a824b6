//! `/admin/requests`: what was requested of this server.

use std::sync::Arc;

use super::{json_of, require_admin, require_no_query};
use crate::error::ApiError;
use crate::http::request::RequestBody;
use crate::http::{Request, Response, response};
use crate::service::Service;
use crate::service::request_records::{RecordFilter, RequestRecords};

/// `GET /admin/requests`: the last requests that the query selects, the oldest first.
pub(in crate::http) async fn list(
    service: Arc<Service>,
    request: Request,
) -> Result<Response, ApiError> {
    require_admin(&service, &request)?;
    json_of(&records(&service)?.list(&filter(request.query())?))
}

/// `GET /admin/requests/count`: how many of the last requests the query selects.
pub(in crate::http) async fn count(
    service: Arc<Service>,
    request: Request,
) -> Result<Response, ApiError> {
    require_admin(&service, &request)?;
    json_of(&records(&service)?.count(&filter(request.query())?))
}

/// `DELETE /admin/requests`: forgets all requests.
pub(in crate::http) async fn clear(
    service: Arc<Service>,
    request: Request,
    body: RequestBody,
) -> Result<Response, ApiError> {
    require_admin(&service, &request)?;
    require_no_query(&request)?;
    body.read_whole(service.stopped()).await?;
    records(&service)?.clear();
    Ok(response::no_content())
}

fn records(service: &Service) -> Result<&RequestRecords, ApiError> {
    service.requests.as_ref().ok_or(ApiError::UnknownRequest)
}

/// Parses `method`, `path` and `status`, each at most once.
fn filter(query: &str) -> Result<RecordFilter, ApiError> {
    let mut filter = RecordFilter::default();
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        let is_given_twice = match &*name {
            "method" => filter.method.replace(value.to_ascii_uppercase()).is_some(),
            "path" if value.starts_with('/') => filter.path.replace(value.into()).is_some(),
            "path" => {
                return Err(ApiError::Unprocessable(format!(
                    "path `{value}` must begin with `/`; a `*` at its end stands for any rest"
                )));
            }
            "status" => {
                let status = value
                    .parse()
                    .ok()
                    .filter(|status| (100..=599).contains(status));
                let status = status.ok_or_else(|| {
                    ApiError::Unprocessable(format!(
                        "status `{value}` is not a number from 100 to 599"
                    ))
                })?;
                filter.status.replace(status).is_some()
            }
            _ => {
                return Err(ApiError::Unprocessable(format!(
                    "there is no parameter `{name}`; give `method`, `path` or `status`"
                )));
            }
        };
        if is_given_twice {
            return Err(ApiError::Unprocessable(format!(
                "`{name}` is given twice; give it once"
            )));
        }
    }
    Ok(filter)
}
