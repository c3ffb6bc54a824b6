//! Every route there is. Nothing here rejects: the last route answers what no other took.

mod admin;
mod body;
mod document;
mod edge;
mod faults;
mod health;
mod login;
mod neighbours;
mod openapi;
mod packages;
mod root;
mod service;

use std::sync::Arc;

use bytes::Bytes;
use warp::filters::BoxedFilter;
use warp::http::{HeaderMap, Method, Uri, header};
use warp::{Filter, Rejection, path};

pub use admin::Admin;
pub use edge::{Edge, Reply};
pub use faults::Faults;
pub use login::Door;
pub use service::{Access, Service};

use crate::edition::Edition;
use crate::error::ApiError;
use crate::resource::{App, Organization, Space};

/// What a client sent, as far as a handler may need it; put beside the request by the edge.
#[derive(Clone, Debug)]
pub struct Asked {
    /// Its path made plain by the edge.
    uri: Uri,
    headers: Arc<HeaderMap>,
}

impl Asked {
    fn path(&self) -> &str {
        self.uri.path()
    }

    /// Raw; empty where there is none.
    fn query(&self) -> &str {
        self.uri.query().unwrap_or_default()
    }
}

/// All routes of the edition that `service` speaks.
pub fn routes(service: &Arc<Service>) -> BoxedFilter<(Reply,)> {
    let mut routes = vec![
        get(path!("v3" / "packages"), service, packages::list),
        get_guid(path!("v3" / "packages" / String), service, packages::one),
        get_guid(
            path!("v3" / "apps" / String / "packages"),
            service,
            packages::of_app,
        ),
        get(path!("healthz"), service, health::healthz),
        get(path!("openapi.json"), service, openapi::document),
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
    if service.edition == Edition::Current {
        routes.extend(current(service));
    }
    if service.admin != Admin::Off {
        routes.extend(admin(service));
    }
    let unknown = {
        let service = service.clone();
        warp::any()
            .map(move || service.refuse(&ApiError::UnknownRequest))
            .boxed()
    };
    let first_to_last = routes.into_iter().rev();
    first_to_last.fold(unknown, |others, route| route.or(others).unify().boxed())
}

/// What `current` has and `2015` has not.
fn current(service: &Arc<Service>) -> Vec<BoxedFilter<(Reply,)>> {
    vec![
        get(path::end(), service, root::root),
        get(path!("v3"), service, root::v3),
        get(path!("v3" / "info"), service, root::info),
        get(
            path!("v3" / "organizations"),
            service,
            neighbours::list::<Organization>,
        ),
        get_guid(
            path!("v3" / "organizations" / String),
            service,
            neighbours::one::<Organization>,
        ),
        get(path!("v3" / "spaces"), service, neighbours::list::<Space>),
        get_guid(
            path!("v3" / "spaces" / String),
            service,
            neighbours::one::<Space>,
        ),
        get(path!("v3" / "apps"), service, neighbours::list::<App>),
        get_guid(
            path!("v3" / "apps" / String),
            service,
            neighbours::one::<App>,
        ),
    ]
}

/// What `--ephemeral` and `--admin-api` bring.
fn admin(service: &Arc<Service>) -> Vec<BoxedFilter<(Reply,)>> {
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
fn get<F, H, A>(path: F, service: &Arc<Service>, handler: H) -> BoxedFilter<(Reply,)>
where
    F: Filter<Extract = (), Error = Rejection> + Clone + Send + Sync + 'static,
    H: Fn(Arc<Service>, Asked) -> A + Clone + Send + Sync + 'static,
    A: Future<Output = Result<Reply, ApiError>> + Send,
{
    get_guid(
        path.map(String::new),
        service,
        move |service, asked, _: String| handler(service, asked),
    )
}

/// `GET` and `HEAD` of a path with a guid in it.
fn get_guid<F, H, A>(path: F, service: &Arc<Service>, handler: H) -> BoxedFilter<(Reply,)>
where
    F: Filter<Extract = (String,), Error = Rejection> + Clone + Send + Sync + 'static,
    H: Fn(Arc<Service>, Asked, String) -> A + Clone + Send + Sync + 'static,
    A: Future<Output = Result<Reply, ApiError>> + Send,
{
    let service = service.clone();
    path.and(method(|method| {
        matches!(*method, Method::GET | Method::HEAD)
    }))
    .and(warp::ext::get::<Asked>())
    .then(move |guid: String, asked: Asked| {
        let (service, handler) = (service.clone(), handler.clone());
        async move {
            let answer = handler(service.clone(), asked, guid).await;
            answer.unwrap_or_else(|error| service.refuse(&error))
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
    allow: fn(&Service, &Asked) -> Result<(), ApiError>,
    handler: H,
) -> BoxedFilter<(Reply,)>
where
    F: Filter<Extract = (), Error = Rejection> + Clone + Send + Sync + 'static,
    H: Fn(Arc<Service>, Asked, Vec<u8>) -> A + Clone + Send + Sync + 'static,
    A: Future<Output = Result<Reply, ApiError>> + Send,
{
    let service = service.clone();
    path.and(method(move |method| *method == wanted))
        .and(warp::ext::get::<Asked>())
        .and(warp::body::stream())
        .then(move |asked: Asked, body| {
            let (service, handler) = (service.clone(), handler.clone());
            async move {
                let body = match allow(&service, &asked) {
                    Ok(()) => body::whole(body, limit).await,
                    Err(error) => Err(error),
                };
                let answer = match body {
                    Ok(body) => handler(service.clone(), asked, body).await,
                    Err(error) => Err(error),
                };
                answer.unwrap_or_else(|error| service.refuse(&error))
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

/// A JSON answer. Its length and type are all that it says; the edge adds what every answer has.
fn reply(status: u16, document: impl Into<Bytes>) -> Reply {
    let mut reply = Reply::new(document.into().into());
    *reply.status_mut() = warp::http::StatusCode::from_u16(status).unwrap_or_default();
    reply.headers_mut().insert(
        header::CONTENT_TYPE,
        header::HeaderValue::from_static("application/json; charset=utf-8"),
    );
    reply
}
