//! Every route, in one list. A request that matches none gets 404 `Unknown request` from the last route.

use std::sync::Arc;

use warp::filters::BoxedFilter;
use warp::http::Method;
use warp::{Filter, Rejection, path};

use super::{Request, Response, admin, collections, info, login, packages, request, response};
use crate::error::ApiError;
use crate::records::{App, Organization, Space};
use crate::service::{AdminApi, Service};

/// All routes of the edition that `service` speaks.
pub fn routes(service: &Arc<Service>) -> BoxedFilter<(Response,)> {
    let mut routes = vec![
        get(path!("v3" / "packages"), service, packages::list),
        get_guid(path!("v3" / "packages" / String), service, packages::one),
        get_guid(
            path!("v3" / "apps" / String / "packages"),
            service,
            packages::of_app,
        ),
        get(path!("healthz"), service, info::healthz),
        get(path!("openapi.json"), service, info::openapi),
        get(path!("login"), service, login::prompts),
        with_body(
            path!("oauth" / "token"),
            service,
            Method::POST,
            login::LARGEST_FORM,
            |_, _| Ok(()),
            login::token,
        ),
    ];
    if service.edition.foundation().is_some() {
        routes.extend(current(service));
    }
    if service.admin_api != AdminApi::Off {
        routes.extend(admin(service));
    }
    let unknown = {
        let service = service.clone();
        warp::any()
            .map(move || response::error(&service, &ApiError::UnknownRequest))
            .boxed()
    };
    let first_to_last = routes.into_iter().rev();
    first_to_last.fold(unknown, |others, route| route.or(others).unify().boxed())
}

/// What `current` has and `2015` has not.
fn current(service: &Arc<Service>) -> Vec<BoxedFilter<(Response,)>> {
    vec![
        get(path::end(), service, info::root),
        get(path!("v3"), service, info::v3),
        get(path!("v3" / "info"), service, info::info),
        get(
            path!("v3" / "organizations"),
            service,
            collections::list::<Organization>,
        ),
        get_guid(
            path!("v3" / "organizations" / String),
            service,
            collections::one::<Organization>,
        ),
        get(path!("v3" / "spaces"), service, collections::list::<Space>),
        get_guid(
            path!("v3" / "spaces" / String),
            service,
            collections::one::<Space>,
        ),
        get(path!("v3" / "apps"), service, collections::list::<App>),
        get_guid(
            path!("v3" / "apps" / String),
            service,
            collections::one::<App>,
        ),
    ]
}

/// What `--ephemeral` and `--admin-api` bring.
fn admin(service: &Arc<Service>) -> Vec<BoxedFilter<(Response,)>> {
    use admin::{LARGEST_BODY, LARGEST_SEED, allow};
    let seed = path!("admin" / "seed");
    let reset = path!("admin" / "reset");
    let clock = path!("admin" / "clock");
    let faults = path!("admin" / "faults");
    vec![
        with_body(
            seed,
            service,
            Method::POST,
            LARGEST_SEED,
            allow,
            admin::seed,
        ),
        with_body(
            reset,
            service,
            Method::POST,
            LARGEST_BODY,
            allow,
            admin::reset,
        ),
        get(path!("admin" / "export"), service, admin::export),
        with_body(
            clock,
            service,
            Method::PUT,
            LARGEST_BODY,
            allow,
            admin::clock,
        ),
        get(faults, service, admin::list_faults),
        with_body(
            faults,
            service,
            Method::POST,
            LARGEST_BODY,
            allow,
            admin::add_fault,
        ),
        with_body(
            faults,
            service,
            Method::DELETE,
            LARGEST_BODY,
            allow,
            admin::clear_faults,
        ),
    ]
}

/// `GET` and `HEAD` of a fixed path; any other method is a route that there is not.
fn get<F, H, A>(path: F, service: &Arc<Service>, handler: H) -> BoxedFilter<(Response,)>
where
    F: Filter<Extract = (), Error = Rejection> + Clone + Send + Sync + 'static,
    H: Fn(Arc<Service>, Request) -> A + Clone + Send + Sync + 'static,
    A: Future<Output = Result<Response, ApiError>> + Send,
{
    get_guid(
        path.map(String::new),
        service,
        move |service, request, _: String| handler(service, request),
    )
}

/// `GET` and `HEAD` of a path with a guid in it.
fn get_guid<F, H, A>(path: F, service: &Arc<Service>, handler: H) -> BoxedFilter<(Response,)>
where
    F: Filter<Extract = (String,), Error = Rejection> + Clone + Send + Sync + 'static,
    H: Fn(Arc<Service>, Request, String) -> A + Clone + Send + Sync + 'static,
    A: Future<Output = Result<Response, ApiError>> + Send,
{
    let service = service.clone();
    path.and(method(|method| {
        matches!(*method, Method::GET | Method::HEAD)
    }))
    .and(warp::ext::get::<Request>())
    .then(move |guid: String, request: Request| {
        let (service, handler) = (service.clone(), handler.clone());
        async move {
            let answer = handler(service.clone(), request, guid).await;
            answer.unwrap_or_else(|error| response::error(&service, &error))
        }
    })
    .boxed()
}

/// Another method of a fixed path, with a body of at most `limit` bytes, which is read only if `allow` lets it.
fn with_body<F, H, A>(
    path: F,
    service: &Arc<Service>,
    wanted: Method,
    limit: usize,
    allow: fn(&Service, &Request) -> Result<(), ApiError>,
    handler: H,
) -> BoxedFilter<(Response,)>
where
    F: Filter<Extract = (), Error = Rejection> + Clone + Send + Sync + 'static,
    H: Fn(Arc<Service>, Request, Vec<u8>) -> A + Clone + Send + Sync + 'static,
    A: Future<Output = Result<Response, ApiError>> + Send,
{
    let service = service.clone();
    path.and(method(move |method| *method == wanted))
        .and(warp::ext::get::<Request>())
        .and(warp::body::stream())
        .then(move |request: Request, body| {
            let (service, handler) = (service.clone(), handler.clone());
            async move {
                let body = match allow(&service, &request) {
                    Ok(()) => request::whole(body, limit).await,
                    Err(error) => Err(error),
                };
                let answer = match body {
                    Ok(body) => handler(service.clone(), request, body).await,
                    Err(error) => Err(error),
                };
                answer.unwrap_or_else(|error| response::error(&service, &error))
            }
        })
        .boxed()
}

/// Lets through what `is_wanted`; another route, in the end the last, takes the rest.
fn method(
    is_wanted: impl Fn(&Method) -> bool + Clone + Send + Sync + 'static,
) -> impl Filter<Extract = (), Error = Rejection> + Clone {
    warp::method()
        .and_then(move |method: Method| {
            let wanted = is_wanted(&method);
            async move { wanted.then_some(()).ok_or_else(warp::reject::not_found) }
        })
        .untuple_one()
}
